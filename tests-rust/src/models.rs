//! Models for tests: functions that stand for them, and ONNX files put together field by field.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ncf::Result;
use ncf::index::{Engine, ModelId, Models, Predictor};

/// A function that stands for any model, and counts how often it was asked for.
#[derive(Clone)]
pub struct Function {
    predict: Arc<dyn Fn(f64) -> f64 + Send + Sync>,
    opened: Arc<AtomicUsize>,
}

impl Function {
    /// Predicts so.
    pub fn new(predict: impl Fn(f64) -> f64 + Send + Sync + 'static) -> Self {
        Self { predict: Arc::new(predict), opened: Arc::default() }
    }

    /// How many models were opened.
    pub fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Function")
    }
}

impl Predictor for Function {
    fn predict(&self, inputs: &[f64]) -> Result<Vec<f64>> {
        Ok(inputs.iter().map(|input| (self.predict)(*input)).collect())
    }
}

impl Engine for Function {
    fn open(&self, _model: &[u8]) -> Result<Arc<dyn Predictor>> {
        self.opened.fetch_add(1, Ordering::SeqCst);
        Ok(Arc::new(self.clone()))
    }
}

impl Models for Function {
    fn predictor(&self, _model: &ModelId) -> Result<Arc<dyn Predictor>> {
        self.open(&[])
    }
}

/// A varint.
pub fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

/// A field with a number.
pub fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

/// A field with bytes: a string or a message.
pub fn bytes(field: u64, value: impl AsRef<[u8]>) -> Vec<u8> {
    let value = value.as_ref();
    [varint(field << 3 | 2), varint(value.len() as u64), value.to_vec()].concat()
}

/// A constant of floats.
pub fn tensor(name: &str, dims: &[u64], values: &[f32]) -> Vec<u8> {
    let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let dims: Vec<u8> = dims.iter().flat_map(|dim| number(1, *dim)).collect();
    [dims, number(2, 1), bytes(8, name), bytes(9, raw)].concat()
}

/// A node.
pub fn node(operator: &str, inputs: &[&str], output: &str) -> Vec<u8> {
    let inputs: Vec<u8> = inputs.iter().flat_map(|input| bytes(1, input)).collect();
    [inputs, bytes(2, output), bytes(3, format!("{operator}_of_{output}")), bytes(4, operator)]
        .concat()
}

/// An input or output of elements of a type, with dimensions: `None` is any number.
pub fn port(name: &str, element: u64, dims: &[Option<u64>]) -> Vec<u8> {
    let dim = |dim: &Option<u64>| match dim {
        Some(size) => bytes(1, number(1, *size)),
        None => bytes(1, bytes(2, "N")),
    };
    let shape: Vec<u8> = dims.iter().flat_map(dim).collect();
    let tensor = [number(1, element), bytes(2, shape)].concat();
    [bytes(1, name), bytes(2, bytes(1, tensor))].concat()
}

/// A graph from `x` to `y`, each of floats of the shape [N, 1].
pub fn graph(nodes: &[Vec<u8>], constants: &[Vec<u8>]) -> Vec<u8> {
    let nodes: Vec<u8> = nodes.iter().flat_map(|node| bytes(1, node)).collect();
    let constants: Vec<u8> = constants.iter().flat_map(|tensor| bytes(5, tensor)).collect();
    let column = [None, Some(1)];
    let ports = [bytes(11, port("x", 1, &column)), bytes(12, port("y", 1, &column))].concat();
    [nodes, bytes(2, "g"), constants, ports].concat()
}

/// A model of a graph, with ONNX's own operators.
pub fn model(graph: &[u8]) -> Vec<u8> {
    let operators = [bytes(1, ""), number(2, 13)].concat();
    [number(1, 8), bytes(7, graph), bytes(8, operators)].concat()
}

/// y = slope · x + start: one product.
pub fn line(slope: f32, start: f32) -> Vec<u8> {
    let constants = [tensor("w", &[1, 1], &[slope]), tensor("b", &[1], &[start])];
    model(&graph(&[node("Gemm", &["x", "w", "b"], "y")], &constants))
}

/// A line with bends through points with ascending x from 0, as two layers with a ReLU between.
pub fn bent(points: &[(f32, f32)]) -> Vec<u8> {
    let mut last = 0.0;
    let slopes: Vec<f32> = points
        .windows(2)
        .map(|pair| {
            let slope = (pair[1].1 - pair[0].1) / (pair[1].0 - pair[0].0);
            let change = slope - last;
            last = slope;
            change
        })
        .collect();
    let width = slopes.len() as u64;
    let knots: Vec<f32> = points.iter().take(slopes.len()).map(|(x, _)| -x).collect();
    let constants = [
        tensor("w1", &[1, width], &vec![1.0; slopes.len()]),
        tensor("b1", &[width], &knots),
        tensor("w2", &[width, 1], &slopes),
        tensor("b2", &[1], &[points.first().map_or(0.0, |(_, y)| *y)]),
    ];
    let nodes = [
        node("Gemm", &["x", "w1", "b1"], "h"),
        node("Relu", &["h"], "r"),
        node("Gemm", &["r", "w2", "b2"], "y"),
    ];
    model(&graph(&nodes, &constants))
}
