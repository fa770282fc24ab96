//! Attributes that need an approval: what accounts are approved for, and how the networks call the same.

use likeness_rules::LimitedAttribute;
use likeness_vision::AttributeSet;
use std::collections::BTreeSet;

/// Each limited attribute and how the networks call it.
const LIMITED: [(LimitedAttribute, AttributeSet); 4] = [
    (LimitedAttribute::Age, AttributeSet::AGE),
    (LimitedAttribute::Smile, AttributeSet::SMILE),
    (LimitedAttribute::FacialHair, AttributeSet::FACIAL_HAIR),
    (LimitedAttribute::Hair, AttributeSet::HAIR),
];

/// All limited attributes.
pub fn all() -> AttributeSet {
    LIMITED.into_iter().map(|(_, attribute)| attribute).collect()
}

/// These limited attributes, as the networks call them.
pub fn set_of(attributes: &BTreeSet<LimitedAttribute>) -> AttributeSet {
    LIMITED.into_iter().filter(|(name, _)| attributes.contains(name)).map(|(_, attribute)| attribute).collect()
}
