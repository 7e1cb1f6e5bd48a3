//! What a profile allows beyond light encodings, and how hard these try.

use crate::id::Profile;

/// How much time decoding and encoding may take for fewer bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Effort {
    /// Light encodings only.
    #[default]
    Light,
    /// Every encoding wherever it saves anything, and zstd around it, at higher levels.
    Compact,
    /// The same at low levels: to rank trees on a piece, which then are encoded with the full effort.
    Ranking,
}

impl Effort {
    /// What trees of encodings a profile's writers may grow. `Balanced` and `Point` take zstd around them, and `Balanced`
    /// for strings also trees of words, which are chosen with another effort.
    pub(crate) fn of(profile: Profile) -> Self {
        match profile {
            Profile::Fast | Profile::Balanced | Profile::Point => Self::Light,
            Profile::Compact => Self::Compact,
        }
    }

    /// Whether encodings may be chosen that take more time than light ones.
    pub(crate) fn entropy(self) -> bool {
        self != Self::Light
    }

    /// With which effort trees are ranked on a piece.
    pub(crate) fn ranking(self) -> Self {
        match self {
            Self::Light => Self::Light,
            Self::Compact | Self::Ranking => Self::Ranking,
        }
    }

    /// Level of zstd: 1 to 22.
    pub(crate) fn zstd_level(self) -> i32 {
        match self {
            Self::Light | Self::Ranking => 3,
            Self::Compact => 10,
        }
    }

    /// Level of pco: 0 to 12.
    pub(crate) fn pco_level(self) -> usize {
        match self {
            Self::Light => 8,
            Self::Compact => 9,
            Self::Ranking => 6,
        }
    }

    /// How much one nanosecond per value weighs: 0.02 makes it cost as much as 2 % more bytes.
    pub(crate) fn lambda(self) -> f64 {
        match self {
            Self::Light => 0.02,
            Self::Compact | Self::Ranking => 0.002,
        }
    }
}
