//! The frames of a chunk once more, with a dictionary that they share. Pages are encoded as if there was none; where their
//! roots are zstd, a dictionary is trained on what some frames hold and tried on a few, and all are compressed again where
//! that promises enough. So it is known, and not guessed, what the dictionary saves.

use std::collections::BTreeMap;

use ncf_core::{Interruption, Result, Values};

use crate::chunk::{EncodeOptions, SHARED_OVERHEAD, SharedPage};
use crate::compression::train;
use crate::effort::Effort;
use crate::encodings::{zstd, zstd_dictionary};
use crate::id::{EncodingId, Profile};
use crate::node::Plan;
use crate::page::{PageOutput, encode_values};
use crate::shared::SharedKind;

/// Frames of a chunk under which none of them has much to share.
const MIN_FRAMES: usize = 4;
/// Bytes of an average frame above which a dictionary is small change.
const MAX_AVERAGE: usize = 256 << 10;
/// Samples that a dictionary is trained on, from how many frames at most, and bytes of each.
const SAMPLES: usize = 256;
const SAMPLED_FRAMES: usize = 64;
const SAMPLE_BYTES: usize = 2 << 10;
/// Bytes of a dictionary, at most, and for how many bytes of contents there is one of the dictionary.
const MAX_DICTIONARY: usize = 32 << 10;
const PER_CONTENT: usize = 64;
/// Bytes of the smallest dictionary that is worth a trial, and of the smallest that can be trained.
const MIN_DICTIONARY: usize = 1 << 10;
const MIN_TRAINED: usize = 256;
/// Frames that tell whether a dictionary pays.
const TRIED_FRAMES: usize = 16;
/// Chunks after which a refusal is tried again.
const PATIENCE: u8 = 16;

/// What a column remembers about dictionaries of its frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Tried {
    /// Not tried, or it paid before, though not in the last chunk.
    #[default]
    Open,
    /// Paid in the last chunk.
    Paid,
    /// Did not pay; the number of chunks since.
    Refused(u8),
}

impl Tried {
    /// Whether to try again.
    fn ready(&mut self) -> bool {
        match self {
            Self::Refused(chunks) if *chunks < PATIENCE => {
                *chunks += 1;
                false
            }
            Self::Open | Self::Paid | Self::Refused(_) => true,
        }
    }

    /// What a trial leaves that does not pay: one chunk is no reason to stop where chunks before it saved.
    fn failed(self) -> Self {
        match self {
            Self::Paid => Self::Open,
            Self::Open | Self::Refused(_) => Self::Refused(0),
        }
    }
}

/// What the frames of a chunk may come down to, in percent, for a dictionary to pay; `None` where a profile's writers use
/// none. Who reads one row reads the dictionary as well.
fn at_most(profile: Profile) -> Option<usize> {
    match profile {
        Profile::Fast | Profile::Balanced => None,
        Profile::Compact => Some(99),
        Profile::Point => Some(98),
    }
}

/// Compresses the pages whose roots are zstd with a dictionary, where that pays or is asked for, and gives its shared page.
pub(crate) fn share_dictionary(
    pages: &mut [PageOutput],
    options: &EncodeOptions,
    tried: &mut Tried,
    interruption: &Interruption,
) -> Result<Option<SharedPage>> {
    let (forced, at_most) = match options.force {
        None => (false, at_most(options.profile)),
        Some(EncodingId::ZSTD_DICTIONARY) => (true, Some(usize::MAX)),
        Some(_) => (false, None),
    };
    let Some(at_most) = at_most else { return Ok(None) };
    let Some(frames) = Frames::of(pages, options)? else { return Ok(None) };
    let trying = forced || (frames.promise() && tried.ready());
    if !trying {
        return Ok(None);
    }
    *tried = tried.failed();
    let Some(dictionary) = frames.dictionary(forced)? else { return Ok(None) };
    let page = shared_page(&dictionary, options)?;
    let beside = page.bytes.len() + SHARED_OVERHEAD;
    let mut again = Again::default();
    let some = frames.spread(TRIED_FRAMES);
    // The rest only where some promise enough, and all of them must keep the promise.
    for places in [some.collect::<Vec<usize>>(), (0..frames.nodes.len()).collect()] {
        for at in places {
            interruption.check()?;
            frames.compress(at, &dictionary, &mut again)?;
        }
        if !again.pays(frames.stored, beside, at_most) {
            return Ok(None);
        }
    }
    *tried = Tried::Paid;
    let frames = pages.iter_mut().filter(|page| is_frame(page));
    for (page, node) in frames.zip(again.nodes.into_values()) {
        // A frame that a dictionary does not help stands alone.
        if let Some(node) = node.filter(|node| forced || node.len() < page.node().len()) {
            let children = page.plan.children.clone();
            page.replace_node(&node, Plan { id: EncodingId::ZSTD_DICTIONARY, children });
        }
    }
    Ok(Some(page))
}

fn is_frame(page: &PageOutput) -> bool {
    page.plan.id == EncodingId::ZSTD
}

/// The dictionary is one string, in zstd itself where that helps.
fn shared_page(dictionary: &[u8], options: &EncodeOptions) -> Result<SharedPage> {
    let options = EncodeOptions { force: None, ..*options };
    let one = Values::Bytes(std::iter::once(dictionary).collect());
    let bytes = encode_values(&one, &options)?;
    Ok(SharedPage { kind: SharedKind::ZstdDictionary, bytes, count: 1 })
}

/// Frames that were compressed again, by their places; `None` where sizes do not fit.
#[derive(Default)]
struct Again {
    nodes: BTreeMap<usize, Option<Vec<u8>>>,
    /// Bytes of these frames alone, and what the dictionary saves of them.
    alone: usize,
    saved: usize,
}

impl Again {
    /// Whether frames of so many bytes come down to this share, if all save as much as these, with what stands beside them.
    fn pays(&self, all: usize, beside: usize, at_most: usize) -> bool {
        let saved = self.saved.saturating_mul(all) / self.alone.max(1);
        all.saturating_sub(saved).saturating_add(beside).saturating_mul(100)
            <= all.saturating_mul(at_most)
    }
}

/// The nodes of a chunk that are frames of zstd.
struct Frames<'a> {
    nodes: Vec<&'a [u8]>,
    /// Bytes of all nodes, and of what they hold.
    stored: usize,
    content: usize,
    /// Bytes of a dictionary, at most.
    most: usize,
    level: i32,
}

impl<'a> Frames<'a> {
    /// `None` where there is no frame.
    fn of(pages: &'a [PageOutput], options: &EncodeOptions) -> Result<Option<Self>> {
        let nodes: Vec<&[u8]> =
            pages.iter().filter(|page| is_frame(page)).map(PageOutput::node).collect();
        if nodes.is_empty() {
            return Ok(None);
        }
        let stored = nodes.iter().map(|node| node.len()).sum();
        let mut content = 0;
        for node in &nodes {
            content += zstd::content_size(node)?;
        }
        let most = match options.profile {
            // Who reads one row reads one frame and the dictionary.
            Profile::Point => stored / nodes.len() / 2,
            _ => MAX_DICTIONARY,
        };
        let level = Effort::of(options.profile).zstd_level();
        Ok(Some(Self { nodes, stored, content, most, level }))
    }

    /// Whether these are frames of which a dictionary may save something.
    fn promise(&self) -> bool {
        self.nodes.len() >= MIN_FRAMES
            && self.stored / self.nodes.len() <= MAX_AVERAGE
            && self.content / PER_CONTENT >= MIN_DICTIONARY
    }

    /// Places of about so many frames at even distances, none at either end where there are more.
    fn spread(&self, count: usize) -> impl Iterator<Item = usize> + use<> {
        let all = self.nodes.len();
        let count = count.min(all);
        (0..count).map(move |at| (2 * at + 1) * all / (2 * count))
    }

    /// A dictionary for the frames, trained on pieces of what they hold, the same distance from one to the next; where one
    /// is needed at any rate, and none can be trained, the beginning of the first frame.
    fn dictionary(&self, forced: bool) -> Result<Option<Vec<u8>>> {
        let (mut samples, mut lengths) = (Vec::new(), Vec::new());
        let pieces = SAMPLES / self.nodes.len().min(SAMPLED_FRAMES);
        for at in self.spread(SAMPLED_FRAMES) {
            let content = self.content(at)?;
            let step = (content.len() / pieces).max(SAMPLE_BYTES);
            for piece in content.chunks(step).map(|part| part.get(..SAMPLE_BYTES).unwrap_or(part)) {
                samples.extend_from_slice(piece);
                lengths.push(piece.len());
            }
        }
        let size = (self.content / PER_CONTENT).min(self.most).clamp(MIN_TRAINED, MAX_DICTIONARY);
        let trained = train(&samples, &lengths, size);
        // The beginning of a node is never taken for the header of a dictionary: no encoding has that number.
        samples.truncate(lengths.first().copied().unwrap_or(0).min(size));
        Ok(trained.or_else(|| forced.then_some(samples)))
    }

    fn content(&self, at: usize) -> Result<Vec<u8>> {
        self.nodes.get(at).map_or(Ok(Vec::new()), |node| zstd::content(node))
    }

    /// Compresses a frame with a dictionary, unless that was done.
    fn compress(&self, at: usize, dictionary: &[u8], again: &mut Again) -> Result<()> {
        if again.nodes.contains_key(&at) {
            return Ok(());
        }
        let alone = self.nodes.get(at).map_or(0, |node| node.len());
        let node = zstd_dictionary::node(&self.content(at)?, self.level, dictionary)?;
        again.alone += alone;
        again.saved += node.as_ref().map_or(0, |node| alone.saturating_sub(node.len()));
        again.nodes.insert(at, node);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dictionary_pays_with_what_stands_beside_it() {
        // Half of all frames were tried; they save 10 %.
        let again = Again { alone: 5000, saved: 500, ..Again::default() };
        assert!(again.pays(10_000, 0, 90) && !again.pays(10_000, 0, 89));
        assert!(again.pays(10_000, 800, 98) && !again.pays(10_000, 801, 98));
        assert!(!Again::default().pays(10_000, 0, 99));
        assert!(Again::default().pays(10_000, 1 << 40, usize::MAX));
    }

    #[test]
    fn one_chunk_that_does_not_pay_is_forgiven() {
        assert_eq!(Tried::Paid.failed(), Tried::Open);
        assert_eq!(Tried::Open.failed(), Tried::Refused(0));
        assert_eq!(Tried::Refused(PATIENCE).failed(), Tried::Refused(0));
        assert!(!Tried::Refused(PATIENCE - 1).ready() && Tried::Refused(PATIENCE).ready());
    }
}
