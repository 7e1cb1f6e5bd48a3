//! Column chunks: the dictionary decision, then page after page.

use std::cell::LazyCell;
use std::collections::BTreeMap;
use std::ops::Range;

use arrow_buffer::BooleanBuffer;
use ncf_core::{Budget, Error, Interruption, PhysicalType, Result, Values};

use crate::encodings::dictionary::{MAX_BYTES, MAX_ENTRIES, Numbered};
use crate::encodings::fsst::Trained;
use crate::encodings::template_writer::Templates;
use crate::encodings::vocabulary::Vocabulary;
use crate::frames;
use crate::id::{EncodingId, Profile};
use crate::native::plain_bytes;
use crate::node::{Place, Plan, Tables};
use crate::numbering::Numbering;
use crate::page::{EncodedPage, PageInput, PageOutput, encode_page, encode_values, encode_with};
use crate::relations::ChunkMap;
use crate::select::sample::{self, Distinct};
use crate::select::{Encoded, NodeState, cost};
use crate::shared::{SharedKind, SharedPages, decode_shared};

/// Bytes that a shared page costs besides its own: alignment, checksum, a record in the metadata.
pub(crate) const SHARED_OVERHEAD: usize = 128;
/// Share of different strings up to which no words are looked for.
const FEW_STRINGS: f64 = 0.05;
/// Pages that a dictionary decision encodes both ways.
const COMPARED_PAGES: usize = 4;

/// All values of one column chunk.
#[derive(Debug, Clone, Copy)]
pub struct ChunkInput<'a> {
    /// At most 2^20 values, at null rows repeating the last valid value.
    pub values: &'a Values,
    /// Bit set = valid; `None` = every row is valid.
    pub validity: Option<&'a BooleanBuffer>,
    /// The rows of each page.
    pub pages: &'a [Range<usize>],
    /// The numbers of the values, for whoever needs them.
    pub numbering: &'a Numbering,
    /// Asked before each page.
    pub interruption: &'a Interruption,
}

/// What the writer's options say about one column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EncodeOptions {
    /// What to optimise for.
    pub profile: Profile,
    /// The outermost encoding of the values, taken as it is; `InvalidArgument` where it cannot hold them.
    pub force: Option<EncodingId>,
}

/// What a column remembers from block to block, so that it searches only when its data changes.
#[derive(Debug, Clone, Default)]
pub struct ChooserState {
    pub(crate) values: NodeState,
    pub(crate) codes: NodeState,
    pub(crate) validity: NodeState,
    pub(crate) dictionary: NodeState,
    /// What is left beside a relation.
    pub(crate) related: NodeState,
    pub(crate) frames: frames::Tried,
    decision: Option<Decision>,
}

/// Whether a dictionary paid, and what the chunk looked like then.
#[derive(Debug, Clone)]
struct Decision {
    used: bool,
    distinct: Distinct,
    /// Encoded ÷ raw bytes of the chunk, known after its first full encode.
    ratio: Option<f64>,
}

impl ChooserState {
    /// Forgets what was chosen for what a relation leaves: another one will be tried.
    pub fn forget_relation(&mut self) {
        self.related = NodeState::default();
    }

    /// Takes over which heavy encodings pay in a part of a column. What does not pay there may pay in all of it, as a
    /// dictionary does, and as words may for strings.
    pub(crate) fn learn_from(&mut self, part: Self, values: &Values) {
        if !matches!(values, Values::Bytes(_)) {
            self.values.learn_from(part.values);
        }
        self.codes.learn_from(part.codes);
        self.validity.learn_from(part.validity);
    }
}

impl Decision {
    fn holds_for(&self, distinct: &Distinct) -> bool {
        let change = (self.distinct.share - distinct.share).abs();
        self.distinct.narrower == distinct.narrower
            && (change <= 0.1 * self.distinct.share || change < 0.001)
    }
}

/// An encoded column chunk.
#[derive(Debug, Clone)]
pub struct EncodedChunk {
    /// Pages that all data pages need; they are stored first.
    pub shared: Vec<SharedPage>,
    /// Data pages, one per range of the input.
    pub pages: Vec<EncodedPage>,
    /// The map that the pages need, which other chunks may need as well; it is stored by itself.
    pub map: Option<ChunkMap>,
}

impl EncodedChunk {
    /// Bytes of all pages, and those that a map has for them.
    pub fn byte_len(&self) -> usize {
        let shared = self.shared.iter().map(|page| page.bytes.len());
        let map = self.map.iter().map(|map| map.bytes);
        shared.chain(self.pages.iter().map(|page| page.bytes.len())).chain(map).sum()
    }

    /// The shared pages as readers have them.
    pub fn shared_pages(&self, physical: PhysicalType, budget: &Budget) -> Result<SharedPages> {
        let parts: Vec<_> =
            self.shared.iter().map(|page| (page.kind, page.count, page.bytes.as_slice())).collect();
        let shared = decode_shared(&parts, physical, budget)?;
        Ok(match &self.map {
            Some(map) => shared.with_map(map.grown.map().clone()),
            None => shared,
        })
    }
}

/// A page that the data pages of a chunk share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedPage {
    /// What it holds.
    pub kind: SharedKind,
    /// What is stored, without padding.
    pub bytes: Vec<u8>,
    /// Number of values after decoding.
    pub count: u32,
}

/// Encodes a column chunk. Deterministic: the same input, options and state give the same bytes.
///
/// `InvalidArgument` when a forced encoding cannot hold the values, `Interrupted` when nobody wants them.
pub fn encode_chunk(
    input: &ChunkInput<'_>,
    options: &EncodeOptions,
    state: &mut ChooserState,
) -> Result<EncodedChunk> {
    let rows = input.values.len();
    if input.validity.is_some_and(|validity| validity.len() != rows) {
        return Err(Error::internal("validity has another length than the values"));
    }
    if input.pages.iter().any(|page| page.start > page.end || page.end > rows) {
        return Err(Error::internal("a page lies outside its chunk"));
    }
    let owned = OwnedTables::of(input, options, state);
    let tables = owned.borrowed();
    let Choice { numbered, used, ready } = match options.force {
        None => choose_dictionary(input, tables, options, state)?,
        Some(EncodingId::DICTIONARY) => {
            let numbered = Some(forced_dictionary(input)?);
            Choice { numbered, used: true, ..Choice::default() }
        }
        Some(_) => Choice::default(),
    };
    let dictionary = numbered.as_ref().filter(|_| used);
    let mut shared = Vec::new();
    if let Some(dictionary) = dictionary {
        shared.push(dictionary_page(dictionary, options, &mut state.dictionary)?);
    }
    let codes = dictionary.map(|dictionary| &*dictionary.codes);
    let before = (state.values.clone(), state.codes.clone(), state.validity.clone());
    let mut encoded = encode_pages(input, codes, tables, &of_pages(options), state, ready)?;
    let mut of_tables = owned.shared(&encoded.plans, options)?;
    if options.force.is_none() && encoded.lose_to_light(&of_tables) {
        // As if this had not been: `fast` must not come out smaller.
        (state.values, state.codes, state.validity) = before;
        state.values.forget_heavy();
        let tables = Tables { words: None, templates: None, ..tables };
        encoded = encode_pages(input, codes, tables, options, state, Ready::new())?;
        of_tables = owned.shared(&encoded.plans, options)?;
    }
    shared.append(&mut of_tables);
    let (pages, tried) = (&mut encoded.pages, &mut state.frames);
    shared.extend(frames::share_dictionary(pages, options, tried, input.interruption)?);
    let pages = encoded.pages.into_iter().map(|output| output.page).collect();
    let chunk = EncodedChunk { shared, pages, map: None };
    remember(&chunk, input.values, state);
    Ok(chunk)
}

/// How pages are encoded, before frames of zstd get a dictionary.
fn of_pages(options: &EncodeOptions) -> EncodeOptions {
    let force = options.force.map(|id| match id {
        EncodingId::ZSTD_DICTIONARY => EncodingId::ZSTD,
        other => other,
    });
    EncodeOptions { force, ..*options }
}

/// The data pages of a chunk.
#[derive(Default)]
struct Pages {
    pages: Vec<PageOutput>,
    /// The different trees.
    plans: Vec<Plan>,
    bytes: usize,
    light_bytes: usize,
}

impl Pages {
    /// Whether tables of words or templates cost more than pages with them save.
    fn lose_to_light(&self, tables: &[SharedPage]) -> bool {
        let heavy = tables.iter().filter(|page| page.kind != SharedKind::Symbols);
        let heavy: usize = heavy.map(|page| page.bytes.len() + SHARED_OVERHEAD).sum();
        heavy > 0 && self.bytes + heavy > self.light_bytes
    }
}

/// Values of pages that are encoded already, by the number of the page.
type Ready = BTreeMap<usize, Encoded>;

fn encode_pages(
    input: &ChunkInput<'_>,
    codes: Option<&[u32]>,
    tables: Tables<'_>,
    options: &EncodeOptions,
    state: &mut ChooserState,
    mut ready: Ready,
) -> Result<Pages> {
    let mut all = Pages::default();
    for (number, range) in input.pages.iter().enumerate() {
        input.interruption.check()?;
        let page = page_input(input, codes, tables, range);
        let output = encode_page(&page, options, state, ready.remove(&number))?;
        if !all.plans.contains(&output.plan) {
            all.plans.push(output.plan.clone());
        }
        all.bytes += output.bytes;
        all.light_bytes += output.light_bytes;
        all.pages.push(output);
    }
    Ok(all)
}

/// Forgets the dictionary decision when the chunk came out much larger or smaller than the one it was made on.
fn remember(chunk: &EncodedChunk, values: &Values, state: &mut ChooserState) {
    let shared: usize = chunk.shared.iter().map(|page| page.bytes.len()).sum();
    let pages: usize = chunk.pages.iter().map(|page| page.bytes.len()).sum();
    let raw = plain_bytes(values);
    if let Some(decision) = &mut state.decision {
        let ratio = *decision.ratio.get_or_insert_with(|| cost::ratio(shared + pages, raw));
        if cost::drifted(ratio, shared + pages, raw) {
            state.decision = None;
        }
    }
}

fn page_input<'a>(
    input: &ChunkInput<'_>,
    codes: Option<&'a [u32]>,
    tables: Tables<'a>,
    range: &Range<usize>,
) -> PageInput<'a> {
    PageInput {
        values: input.values.slice(range.start, range.len()),
        validity: input.validity.map(|validity| validity.slice(range.start, range.len())),
        codes: codes.and_then(|codes| codes.get(range.clone())),
        tables,
    }
}

/// What tables a chunk of strings may use.
#[derive(Default)]
pub(crate) struct OwnedTables {
    symbols: Option<Trained>,
    words: Option<Vocabulary>,
    templates: Option<Templates>,
}

impl OwnedTables {
    /// The table that a forced encoding needs, or those of encodings that the profile may use and of which
    /// nothing says that they do not pay.
    fn of(input: &ChunkInput<'_>, options: &EncodeOptions, state: &ChooserState) -> Self {
        let none = Self::default();
        let Values::Bytes(strings) = input.values else {
            return none;
        };
        match options.force {
            Some(EncodingId::FSST) => Self { symbols: Some(Trained::of(strings)), ..none },
            Some(EncodingId::WORDS) => Self { words: Some(Vocabulary::of(strings)), ..none },
            Some(EncodingId::TEMPLATE) => Self { templates: Some(Templates::of(strings)), ..none },
            Some(_) => none,
            None => {
                let coded = state.decision.as_ref().is_some_and(|decision| decision.used);
                // Strings of few values get a dictionary of the whole strings.
                let varied = LazyCell::new(|| sample::distinct(input.values).share > FEW_STRINGS);
                let wants = |id| !coded && state.values.wants(id, input.pages.len()) && *varied;
                Self::chosen(input.values, options.profile, wants)
            }
        }
    }

    /// Tables of encodings that the profile may use and that are wanted.
    pub(crate) fn chosen(
        values: &Values,
        profile: Profile,
        wants: impl Fn(EncodingId) -> bool,
    ) -> Self {
        let wanted = |id| profile.takes(id) && wants(id);
        let templates =
            wanted(EncodingId::TEMPLATE).then(|| Templates::promising(values)).flatten();
        // Words take long to find, and stand for text only.
        let sure = templates.as_ref().is_some_and(Templates::leave_little_text);
        Self {
            symbols: Trained::promising(values),
            words: (wanted(EncodingId::WORDS) && !sure)
                .then(|| Vocabulary::promising(values, profile == Profile::Compact))
                .flatten(),
            templates,
        }
    }

    pub(crate) fn borrowed(&self) -> Tables<'_> {
        Tables {
            symbols: self.symbols.as_ref(),
            words: self.words.as_ref(),
            templates: self.templates.as_ref(),
        }
    }

    /// Shared pages of the tables that pages of such trees need.
    pub(crate) fn shared(
        &self,
        plans: &[Plan],
        options: &EncodeOptions,
    ) -> Result<Vec<SharedPage>> {
        let needed = |id: EncodingId| plans.iter().any(|plan| plan.has(id));
        let options = EncodeOptions { force: None, ..*options };
        // One form, whatever the chooser prefers later: tables of symbols are small and few.
        let plain = EncodeOptions { profile: Profile::Fast, force: Some(EncodingId::PLAIN) };
        let symbols = self.symbols.as_ref().filter(|_| needed(EncodingId::FSST));
        let words = self.words.as_ref().filter(|_| needed(EncodingId::WORDS));
        let templates = self.templates.as_ref().filter(|_| needed(EncodingId::TEMPLATE));
        let pages = [
            symbols.map(|table| table_page(SharedKind::Symbols, &table.symbols(), &plain)),
            words.map(|table| table_page(SharedKind::Words, &table.words(), &options)),
            templates.map(|table| table_page(SharedKind::Templates, &table.templates(), &options)),
        ];
        pages.into_iter().flatten().collect()
    }
}

fn table_page(kind: SharedKind, values: &Values, options: &EncodeOptions) -> Result<SharedPage> {
    Ok(SharedPage {
        kind,
        bytes: encode_values(values, options)?,
        // Every table has its limit.
        count: u32::try_from(values.len()).unwrap_or(u32::MAX),
    })
}

fn dictionary_page(
    built: &Numbered,
    options: &EncodeOptions,
    state: &mut NodeState,
) -> Result<SharedPage> {
    let options = EncodeOptions { force: None, ..*options };
    Ok(SharedPage {
        kind: SharedKind::Dictionary,
        bytes: encode_with(&built.values, &options, state)?,
        // At most `MAX_ENTRIES`.
        count: u32::try_from(built.values.len()).unwrap_or(u32::MAX),
    })
}

fn forced_dictionary(input: &ChunkInput<'_>) -> Result<Numbered> {
    let values = input.values;
    input.numbering.of(values).ok_or_else(|| {
        Error::invalid_argument(format!(
            "encoding dictionary cannot hold these {} {:?} values: more than {MAX_ENTRIES} distinct values or \
             {MAX_BYTES} bytes of them; leave the choice to NCF",
            values.len(),
            values.physical()
        ))
    })
}

/// Whether a chunk gets a dictionary.
#[derive(Default)]
struct Choice {
    numbered: Option<Numbered>,
    used: bool,
    /// Pages that were encoded to find out, in the way that was chosen.
    ready: Ready,
}

/// Different values up to which a chunk may have a dictionary.
pub(crate) fn dictionary_limit(values: &Values) -> usize {
    if matches!(values, Values::Bytes(_)) { values.len() / 2 } else { values.len() / 4 }
}

/// Builds the dictionary, unless a sample rules it out, and says whether it pays: some pages are encoded both ways.
fn choose_dictionary(
    input: &ChunkInput<'_>,
    tables: Tables<'_>,
    options: &EncodeOptions,
    state: &mut ChooserState,
) -> Result<Choice> {
    let values = input.values;
    let rows = values.len();
    let strings = values.physical() == PhysicalType::Bytes;
    if values.physical() == PhysicalType::Bool || rows < 16 {
        return Ok(Choice::default());
    }
    let distinct = sample::distinct(values);
    let known = state.decision.as_ref().filter(|decision| decision.holds_for(&distinct));
    let known = known.map(|decision| decision.used);
    let promising = distinct.narrower && distinct.share <= if strings { 0.9 } else { 0.5 };
    let limit = dictionary_limit(values);
    let built = match known {
        Some(false) => None,
        _ if !promising => None,
        _ => input.numbering.within(values, limit.min(MAX_ENTRIES)),
    };
    let (used, ready) = match (&built, known) {
        (None, _) => (false, Ready::new()),
        (Some(_), Some(true)) => (true, Ready::new()),
        (Some(built), _) => dictionary_pays(input, built, tables, options, state)?,
    };
    if known != Some(used) {
        state.decision = Some(Decision { used, distinct, ratio: None });
    }
    Ok(Choice { numbered: built, used, ready })
}

/// Bytes with and without light encodings only.
#[derive(Default, Clone, Copy)]
struct Size {
    bytes: usize,
    light: usize,
}

impl Size {
    /// Of so many times as many rows, and something beside them.
    fn scaled(self, all: usize, rows: usize, beside: Self) -> Self {
        let scale = |bytes: usize| bytes.saturating_mul(all) / rows.max(1);
        Self { bytes: scale(self.bytes) + beside.bytes, light: scale(self.light) + beside.light }
    }
}

/// Codes decode faster than zstd and serve predicates, so they may cost 5 % more than the best, but never more than the
/// light choice.
fn coded_pays(coded: Size, flat: Size, profile: Profile) -> bool {
    let worth_it =
        coded.bytes * 100 <= flat.bytes * 105 && coded.bytes <= coded.light.min(flat.light);
    coded.bytes <= flat.bytes || (worth_it && profile != Profile::Compact)
}

/// Whether a dictionary pays, and the pages that were encoded to find out, in the way that is better.
fn dictionary_pays(
    input: &ChunkInput<'_>,
    built: &Numbered,
    tables: Tables<'_>,
    options: &EncodeOptions,
    state: &mut ChooserState,
) -> Result<(bool, Ready)> {
    // A point read wants codes where light encodings want them, however well zstd would compress the strings.
    let profile = match options.profile {
        Profile::Point => Profile::Fast,
        profile => profile,
    };
    let step = input.pages.len().div_ceil(COMPARED_PAGES).max(1);
    let all = input.pages.iter().map(ExactSizeIterator::len).sum::<usize>();
    let dictionary = state.dictionary.clone().encode(&built.values, Place::default(), profile)?;
    let dictionary = Size {
        bytes: dictionary.bytes.len() + SHARED_OVERHEAD,
        light: dictionary.light_bytes + SHARED_OVERHEAD,
    };
    let (mut with, mut without, mut rows) = (Size::default(), Size::default(), 0);
    let (mut coded_pages, mut flat_pages) = (Ready::new(), Ready::new());
    // Clones: what is learned here belongs to a way that may not be taken.
    let (mut codes_state, mut values_state) = (state.codes.clone(), state.values.clone());
    for (number, range) in input.pages.iter().enumerate().step_by(step) {
        input.interruption.check()?;
        let page = page_input(input, Some(&built.codes), tables, range);
        let in_codes = codes_state.encode(&page.values, page.coded_place(), profile)?;
        let as_it_is = values_state.encode(&page.values, page.place(), profile)?;
        with.bytes += in_codes.bytes.len();
        with.light += in_codes.light_bytes;
        let of_tables = cost::share(tables.overhead(&as_it_is.plan), plain_bytes(&page.values));
        without.bytes += as_it_is.bytes.len() + of_tables;
        without.light += as_it_is.light_bytes;
        rows += page.values.len();
        coded_pages.insert(number, in_codes);
        flat_pages.insert(number, as_it_is);
    }
    let coded = with.scaled(all, rows, dictionary);
    let flat = without.scaled(all, rows, Size::default());
    let pays = coded_pays(coded, flat, profile);
    if profile != options.profile {
        return Ok((pays, Ready::new()));
    }
    // What was learned of the way that is taken need not be found out again.
    if pays {
        state.codes = codes_state;
        Ok((pays, coded_pages))
    } else {
        state.values = values_state;
        Ok((pays, flat_pages))
    }
}
