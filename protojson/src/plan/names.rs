//! A fixed table of names, made for short keys that mostly hit. Knows nothing of what the names stand for.

/// Names mapped to indices. Not guarded against names chosen to collide: they come from a schema, never from a caller.
#[derive(Debug)]
pub(crate) struct Names {
    /// Index into `entries` plus one; zero is free. A power of two, at least twice the entries.
    slots: Box<[u32]>,
    entries: Vec<(Box<str>, usize)>,
}

impl Names {
    /// Of two equal names the first wins.
    pub(crate) fn new<'n>(names: impl IntoIterator<Item = (&'n str, usize)>) -> Self {
        let entries: Vec<_> = names
            .into_iter()
            .map(|(name, index)| (Box::from(name), index))
            .collect();
        let slots = vec![0; (entries.len() * 2).next_power_of_two().max(2)].into_boxed_slice();
        let mut table = Self { slots, entries };
        for entry in 0..table.entries.len() {
            table.insert(entry);
        }
        table
    }

    #[inline]
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        let mut slot = self.slot_of(name);
        loop {
            let (known, index) = self.entry_at(slot)?;
            if **known == *name {
                return Some(*index);
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }

    fn insert(&mut self, entry: usize) {
        let name = &self.entries[entry].0;
        let mut slot = self.slot_of(name);
        while let Some((known, _)) = self.entry_at(slot) {
            if known == name {
                return;
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        self.slots[slot] = u32::try_from(entry + 1).expect("descriptors hold fewer than 2^31 names");
    }

    #[inline]
    fn entry_at(&self, slot: usize) -> Option<&(Box<str>, usize)> {
        let entry = self.slots[slot].checked_sub(1)?;
        self.entries.get(entry as usize)
    }

    #[inline]
    fn slot_of(&self, name: &str) -> usize {
        let bytes = name.as_bytes();
        let (head, tail) = match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
            (Some(head), Some(tail)) => (u64::from_le_bytes(*head), u64::from_le_bytes(*tail)),
            _ => (bytes.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte)), 0),
        };
        let mixed = (head ^ tail.rotate_left(23) ^ bytes.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 32) as usize & (self.slots.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::Names;

    #[test]
    fn every_name_is_found_and_no_other() {
        let names: Vec<String> = (0..500)
            .map(|n| format!("field_with_a_long_name_{n}_end"))
            .collect();
        let table = Names::new(
            names
                .iter()
                .enumerate()
                .map(|(index, name)| (name.as_str(), index)),
        );
        for (index, name) in names.iter().enumerate() {
            assert_eq!(table.find(name), Some(index));
        }
        assert_eq!(table.find("field_with_a_long_name_500_end"), None);
        assert_eq!(table.find(""), None);
    }

    #[test]
    fn the_first_of_two_equal_names_wins() {
        assert_eq!(Names::new([("a", 1), ("a", 2)]).find("a"), Some(1));
        assert_eq!(Names::new([]).find("a"), None);
    }
}
