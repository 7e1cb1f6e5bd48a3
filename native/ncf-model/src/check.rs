//! Which models are run at all. Read without ONNX Runtime, before it sees a byte.
//!
//! A model must be one small graph: at most 64 KiB and [`MOST_NODES`] nodes, each one of [`OPERATORS`]; all constants
//! inside, of at most two dimensions of at most 256; no functions, no graphs within nodes, no operators of other
//! domains; one input and one output, each of floats or doubles of the shape [N] or [N, 1]. What a product's columns
//! are is a constant, so a batch of N rows never becomes more than N × 256 numbers.

use std::collections::BTreeSet;

use ncf_core::{Error, ErrorKind, Result};
use ncf_index::learned::MODEL_BYTES;

use crate::tensor::{MOST_COLUMNS, Tensor};
use crate::wire::{Fields, Value};

/// Nodes that a model has, at most.
pub const MOST_NODES: usize = 64;
/// The operators that a model may use, beside those whose name begins with `TreeEnsemble`.
pub const OPERATORS: [&str; 10] =
    ["Gemm", "MatMul", "MatMulInteger", "Add", "Sub", "Mul", "Div", "Relu", "Clip", "Cast"];
/// Most that a whole number among attributes may be: trees name their targets by one.
const MOST_INTEGER: u64 = 256;

/// What numbers a model takes or gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ElementType {
    /// 32 bits.
    Float,
    /// 64 bits.
    Double,
}

/// What is known of a model that may be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelFacts {
    /// The numbers that it takes.
    pub input: ElementType,
    /// Whether its input has the shape [N, 1]; else [N].
    pub input_is_column: bool,
    /// The numbers that it gives.
    pub output: ElementType,
    /// Nodes.
    pub nodes: usize,
}

/// Says whether a model may be handed to ONNX Runtime.
///
/// # Errors
/// `LimitExceeded`, `Corrupt` or `Unsupported`, naming the node or tensor and what is not allowed in it.
pub fn check(model: &[u8]) -> Result<ModelFacts> {
    if model.len() as u64 > MODEL_BYTES {
        return Err(too_large("the length of the model", model.len() as u64, MODEL_BYTES));
    }
    if model.get(4..8) == Some(b"ORTM") {
        return Err(Error::unsupported(
            "the model is in ONNX Runtime's own form (.ort); export it as ONNX",
        ));
    }
    let mut graph = None;
    let mut fields = Fields::new("the model", model);
    while let Some((number, value)) = fields.next_field()? {
        match number {
            // Versions, and texts about the model.
            1..=6 | 14 => {}
            7 if graph.is_none() => graph = Some(value.bytes("the graph")?),
            7 => return Err(Error::corrupt("the model has two graphs")),
            8 => check_domain(value.bytes("an operator set")?)?,
            25 => return Err(Error::unsupported("the model has functions, which are not allowed")),
            other => {
                return Err(Error::unsupported(format!(
                    "the model has field {other}, which is not allowed"
                )));
            }
        }
    }
    let graph = graph.ok_or_else(|| Error::corrupt("this is no ONNX model: it has no graph"))?;
    Graph::read(graph)?.check()
}

/// Something of a model is over a limit, which nobody can raise.
pub(crate) fn too_large(what: &str, found: u64, most: u64) -> Error {
    let message = format!("{what} is {found}; at most {most} is allowed");
    Error::new(ErrorKind::LimitExceeded, message)
}

/// Refuses operator sets that are not ONNX's own.
fn check_domain(bytes: &[u8]) -> Result<()> {
    let mut fields = Fields::new("an operator set of the model", bytes);
    while let Some((number, value)) = fields.next_field()? {
        if number == 1 {
            let domain = value.text("the domain of an operator set")?;
            if !is_onnx(&domain) {
                return Err(Error::unsupported(format!(
                    "the model uses operators of the domain {domain}; only those of ai.onnx and ai.onnx.ml are allowed"
                )));
            }
        }
    }
    Ok(())
}

fn is_onnx(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx" | "ai.onnx.ml")
}

#[derive(Default)]
struct Graph {
    nodes: Vec<Node>,
    constants: Vec<Tensor>,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

impl Graph {
    fn read(bytes: &[u8]) -> Result<Self> {
        let mut graph = Self::default();
        let mut fields = Fields::new("the graph of the model", bytes);
        while let Some((number, value)) = fields.next_field()? {
            match number {
                1 => {
                    if graph.nodes.len() == MOST_NODES {
                        let most = MOST_NODES as u64;
                        return Err(too_large("the number of nodes of the model", most + 1, most));
                    }
                    graph.nodes.push(Node::read(value.bytes("a node")?)?);
                }
                5 => {
                    let tensor = Tensor::read(value.bytes("a tensor")?)?;
                    tensor.check(MOST_COLUMNS)?;
                    graph.constants.push(tensor);
                }
                11 => graph.inputs.push(Port::read(value.bytes("an input")?)?),
                12 => graph.outputs.push(Port::read(value.bytes("an output")?)?),
                // Names, texts, and the types of what lies between.
                2 | 10 | 13 | 16 => {}
                other => {
                    return Err(Error::unsupported(format!(
                        "the graph of the model has field {other}, which is not allowed (sparse or quantised tensors, say)"
                    )));
                }
            }
        }
        Ok(graph)
    }

    fn check(mut self) -> Result<ModelFacts> {
        let constants: BTreeSet<&str> = self.constants.iter().map(|c| c.name.as_str()).collect();
        for node in &self.nodes {
            node.check(&constants)?;
        }
        // Old models name their constants as inputs, too.
        self.inputs.retain(|input| !constants.contains(input.name.as_str()));
        let [input] = self.inputs.as_slice() else {
            return Err(ports("input", self.inputs.len()));
        };
        let [output] = self.outputs.as_slice() else {
            return Err(ports("output", self.outputs.len()));
        };
        let (input_type, input_is_column) = input.check("input")?;
        let (output, _) = output.check("output")?;
        let nodes = self.nodes.len();
        Ok(ModelFacts { input: input_type, input_is_column, output, nodes })
    }
}

fn ports(what: &str, found: usize) -> Error {
    Error::unsupported(format!("the model has {found} {what}s; it must have one"))
}

#[derive(Default)]
struct Node {
    name: String,
    operator: String,
    domain: String,
    inputs: Vec<String>,
    attributes: Vec<Attribute>,
}

impl Node {
    fn read(bytes: &[u8]) -> Result<Self> {
        let mut node = Self::default();
        let mut fields = Fields::new("a node of the model", bytes);
        while let Some((number, value)) = fields.next_field()? {
            match number {
                1 => node.inputs.push(value.text("an input of a node")?),
                3 => node.name = value.text("the name of a node")?,
                4 => node.operator = value.text("the operator of a node")?,
                5 => node.attributes.push(Attribute::read(value.bytes("an attribute")?)?),
                7 => node.domain = value.text("the domain of a node")?,
                2 | 6 | 9 => {}
                other => {
                    return Err(Error::unsupported(format!(
                        "the node {} of the model has field {other}, which is not allowed",
                        node.name
                    )));
                }
            }
        }
        Ok(node)
    }

    fn check(&self, constants: &BTreeSet<&str>) -> Result<()> {
        let Self { name, operator, domain, .. } = self;
        let refuse = |why: &str| {
            Err(Error::unsupported(format!("the node {name} ({operator}) of the model {why}")))
        };
        if !is_onnx(domain) {
            return refuse(&format!(
                "is of the domain {domain}; only ai.onnx and ai.onnx.ml are allowed"
            ));
        }
        if let Some(attribute) = self.attributes.iter().find(|attribute| attribute.is_graph) {
            return refuse(&format!("holds a graph in {}, which is not allowed", attribute.name));
        }
        let known = OPERATORS.contains(&operator.as_str()) || operator.starts_with("TreeEnsemble");
        if !known {
            let known = OPERATORS.join(", ");
            return refuse(&format!(
                "is not one of the operators that are allowed: {known}, TreeEnsemble…"
            ));
        }
        for Attribute { name, integer, tensor, other, .. } in &self.attributes {
            if *other {
                return refuse(&format!("has the attribute {name} of a type that is not allowed"));
            }
            if integer.unsigned_abs() > MOST_INTEGER {
                return refuse(&format!(
                    "has the attribute {name} of {integer}, above {MOST_INTEGER}"
                ));
            }
            if let Some(tensor) = tensor {
                tensor.check(MODEL_BYTES)?;
            }
            if operator == "Gemm" && name == "transA" && *integer != 0 {
                return refuse("turns its rows into columns (transA), which is not allowed");
            }
        }
        // So that rows stay rows: the columns of a product are those of a constant.
        let product = matches!(operator.as_str(), "Gemm" | "MatMul" | "MatMulInteger");
        let second = self.inputs.get(1).map_or("", String::as_str);
        if product && !constants.contains(second) {
            return refuse(&format!("multiplies by {second}, which is no constant of the model"));
        }
        Ok(())
    }
}

#[derive(Default)]
struct Attribute {
    name: String,
    integer: i64,
    tensor: Option<Tensor>,
    is_graph: bool,
    /// Of a type that no allowed operator has.
    other: bool,
}

impl Attribute {
    fn read(bytes: &[u8]) -> Result<Self> {
        let mut found = Self::default();
        let mut fields = Fields::new("an attribute of the model", bytes);
        while let Some((number, value)) = fields.next_field()? {
            match number {
                1 => found.name = value.text("the name of an attribute")?,
                3 => found.integer = value.number("an attribute")?.cast_signed(),
                // Two would be joined, which nothing here expects.
                5 if found.tensor.is_some() => found.other = true,
                5 => found.tensor = Some(Tensor::read(value.bytes("a tensor")?)?),
                6 | 11 => found.is_graph = true,
                // A float, a string, lists of these and of whole numbers, a text, the type's number.
                2 | 4 | 7 | 8 | 9 | 13 | 20 => {}
                _ => found.other = true,
            }
        }
        Ok(found)
    }
}

/// An input or output of the graph.
#[derive(Default)]
struct Port {
    name: String,
    element: u64,
    /// Whether it is a tensor with a shape.
    has_shape: bool,
    dims: Vec<Dim>,
}

/// A dimension: of a size, or of any.
type Dim = Option<u64>;

impl Port {
    fn read(bytes: &[u8]) -> Result<Self> {
        let mut port = Self::default();
        let mut fields = Fields::new("an input or output of the model", bytes);
        while let Some((number, value)) = fields.next_field()? {
            match number {
                1 => port.name = value.text("the name of an input or output")?,
                2 => port.read_type(value.bytes("a type")?)?,
                _ => {}
            }
        }
        Ok(port)
    }

    fn read_type(&mut self, bytes: &[u8]) -> Result<()> {
        let mut fields = Fields::new("a type of the model", bytes);
        while let Some((number, value)) = fields.next_field()? {
            // Anything but a tensor leaves the type unknown, which is refused.
            if number != 1 {
                continue;
            }
            let mut tensor = Fields::new("a type of the model", value.bytes("a type")?);
            while let Some((number, value)) = tensor.next_field()? {
                match number {
                    1 => self.element = value.number("a type")?,
                    2 => self.read_shape(value)?,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn read_shape(&mut self, value: Value<'_>) -> Result<()> {
        self.has_shape = true;
        let mut fields = Fields::new("a shape of the model", value.bytes("a shape")?);
        while let Some((number, value)) = fields.next_field()? {
            if number != 1 {
                continue;
            }
            let mut size = None;
            let mut dim = Fields::new("a dimension of the model", value.bytes("a dimension")?);
            while let Some((number, value)) = dim.next_field()? {
                if number == 1 {
                    size = Some(value.number("a dimension")?);
                }
            }
            self.dims.push(size);
        }
        Ok(())
    }

    /// The numbers, and whether the shape is [N, 1].
    fn check(&self, what: &str) -> Result<(ElementType, bool)> {
        let name = &self.name;
        let element = match self.element {
            1 => ElementType::Float,
            11 => ElementType::Double,
            other => {
                return Err(Error::unsupported(format!(
                    "the {what} {name} of the model has the type {other}; it must be a tensor of float or double"
                )));
            }
        };
        match (self.has_shape, self.dims.as_slice()) {
            (true, [None]) => Ok((element, false)),
            (true, [None, Some(1)]) => Ok((element, true)),
            _ => {
                let dims = self.dims.iter().map(|dim| match dim {
                    Some(size) => size.to_string(),
                    None => "any".to_string(),
                });
                let dims = dims.collect::<Vec<_>>().join(", ");
                Err(Error::unsupported(format!(
                    "the {what} {name} of the model has the shape [{dims}]; it must be [N] or [N, 1] with N of any size"
                )))
            }
        }
    }
}
