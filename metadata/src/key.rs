use std::fmt;

use standfast_core::{Bucket, Refusal};

use crate::v1::ErrorCode;

/// The longest key, in bytes.
pub const KEY_LIMIT: usize = 4096;
/// The longest tenant name, in bytes.
const TENANT_LIMIT: usize = 255;
/// The tenant of those who name none.
const DEFAULT_TENANT: &[u8] = b"default";
const DEFAULT_PREFIX: &[u8] = b"default\0";

/// What a call is about: a key of a tenant, with its bucket, which is worked out where the request arrives and
/// not on the thread that decides.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    qualified: Vec<u8>,
    tenant: usize,
    bucket: Bucket,
}

impl Target {
    /// The key `key` of `tenant`; an empty tenant is `default`.
    pub fn new(tenant: &[u8], key: &[u8]) -> Self {
        let tenant = if tenant.is_empty() {
            DEFAULT_TENANT
        } else {
            tenant
        };
        let mut qualified = Vec::with_capacity(tenant.len() + 1 + key.len());
        qualified.extend_from_slice(tenant);
        qualified.push(0);
        qualified.extend_from_slice(key);
        let bucket = Bucket::of_key(&qualified);
        Self {
            qualified,
            tenant: tenant.len(),
            bucket,
        }
    }

    /// The target of a qualified key; `None` when there is no tenant in it.
    pub(crate) fn of_qualified(qualified: &[u8]) -> Option<Self> {
        Some(Self {
            qualified: qualified.to_vec(),
            tenant: qualified.iter().position(|byte| *byte == 0)?,
            bucket: Bucket::of_key(qualified),
        })
    }

    /// `tenant 0x00 key`.
    pub fn qualified(&self) -> &[u8] {
        &self.qualified
    }

    /// The bucket.
    pub const fn bucket(&self) -> Bucket {
        self.bucket
    }

    /// The tenant's name.
    pub(crate) fn tenant(&self) -> &[u8] {
        self.qualified.get(..self.tenant).unwrap_or_default()
    }

    /// Bytes of `tenant 0x00`.
    pub(crate) const fn before_key(&self) -> usize {
        self.tenant + 1
    }

    /// The key if it may be used at all.
    pub(crate) fn check(&self) -> Result<ObjectKey, Refusal> {
        if self.qualified.len() == self.before_key() {
            return Err(ErrorCode::InvalidParams.refuse("an empty key"));
        }
        self.check_prefix()?;
        Ok(ObjectKey::of(&self.qualified))
    }

    /// Whether keys may begin with this one, which may be empty.
    pub(crate) fn check_prefix(&self) -> Result<(), Refusal> {
        let key = self.qualified.len() - self.before_key();
        if key > KEY_LIMIT {
            return Err(ErrorCode::InvalidParams
                .refuse(format!("a key of {key} bytes, the limit is {KEY_LIMIT}")));
        }
        let tenant = self.tenant();
        if !may_be_tenant(tenant) {
            return Err(ErrorCode::InvalidParams.refuse(format!(
                "a tenant of {} bytes: want at most {TENANT_LIMIT}, none of them zero",
                tenant.len()
            )));
        }
        Ok(())
    }
}

/// Whether a tenant may have this name.
pub(crate) fn may_be_tenant(name: &[u8]) -> bool {
    (1..=TENANT_LIMIT).contains(&name.len()) && !name.contains(&0)
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.qualified.escape_ascii())
    }
}

/// A qualified key as the state keeps it: 16 bytes for what nearly all keys are, 32 lower-case hex digits of
/// the default tenant.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ObjectKey {
    Hex([u8; 16]),
    Other(Box<[u8]>),
}

impl ObjectKey {
    pub(crate) fn of(qualified: &[u8]) -> Self {
        match qualified.strip_prefix(DEFAULT_PREFIX).and_then(packed) {
            Some(packed) => Self::Hex(packed),
            None => Self::Other(qualified.into()),
        }
    }

    /// `tenant 0x00 key`.
    pub(crate) fn qualified(&self) -> Vec<u8> {
        match self {
            Self::Hex(packed) => {
                let mut key = DEFAULT_PREFIX.to_vec();
                key.extend_from_slice(hex::encode(packed).as_bytes());
                key
            }
            Self::Other(qualified) => qualified.to_vec(),
        }
    }

    /// The tenant's name.
    pub(crate) fn tenant(&self) -> &[u8] {
        match self {
            Self::Hex(_) => DEFAULT_TENANT,
            Self::Other(qualified) => qualified
                .split(|byte| *byte == 0)
                .next()
                .unwrap_or_default(),
        }
    }

    /// `tenant 0x00 name`, of the same tenant.
    pub(crate) fn of_same_tenant(&self, name: &[u8]) -> Vec<u8> {
        [self.tenant(), &[0], name].concat()
    }

    /// Whether the qualified key begins with `prefix`, which is at least `tenant 0x00`.
    pub(crate) fn starts_with(&self, prefix: &[u8]) -> bool {
        match self {
            Self::Hex(packed) => prefix
                .strip_prefix(DEFAULT_PREFIX)
                .is_some_and(|digits| begins_with_digits(packed, digits)),
            Self::Other(qualified) => qualified.starts_with(prefix),
        }
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.qualified().escape_ascii())
    }
}

fn packed(key: &[u8]) -> Option<[u8; 16]> {
    let key: &[u8; 32] = key.try_into().ok()?;
    let mut out = [0; 16];
    let (pairs, _) = key.as_chunks::<2>();
    for (to, [high, low]) in out.iter_mut().zip(pairs) {
        *to = digit(*high)? << 4 | digit(*low)?;
    }
    Some(out)
}

/// Whether the hex digits of `packed` begin with `digits`; takes no memory, as millions of keys are asked.
fn begins_with_digits(packed: &[u8; 16], digits: &[u8]) -> bool {
    let own = packed.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.len() <= 2 * packed.len()
        && digits
            .iter()
            .zip(own)
            .all(|(want, own)| digit(*want) == Some(own))
}

const fn digit(b: u8) -> Option<u8> {
    match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_32_lower_case_hex_digits_is_packed_and_read_back() {
        let hex = b"default\x000123456789abcdef0123456789abcdef";
        assert!(matches!(ObjectKey::of(hex), ObjectKey::Hex(_)));
        for key in [
            hex.as_slice(),
            b"default\x000123456789ABCDEF0123456789abcdef",
            b"default\0k",
            b"other\x000123456789abcdef0123456789abcdef",
        ] {
            assert_eq!(ObjectKey::of(key).qualified(), key);
        }
    }

    #[test]
    fn a_packed_key_begins_as_the_whole_key_does() {
        let hex = b"default\x000123456789abcdef0123456789abcdef";
        let key = ObjectKey::of(hex);
        for end in DEFAULT_PREFIX.len()..=hex.len() {
            assert!(key.starts_with(&hex[..end]), "{end}");
        }
        for other in [
            b"default\x00012345678A".as_slice(),
            b"default\x001",
            b"other\0",
            b"default\x000123456789abcdef0123456789abcdef0",
        ] {
            assert!(!key.starts_with(other), "{}", other.escape_ascii());
        }
    }

    #[test]
    fn a_name_of_the_same_tenant_is_beside_the_key() {
        let hex = b"default\x000123456789abcdef0123456789abcdef";
        assert_eq!(ObjectKey::of(hex).of_same_tenant(b"g"), b"default\0g");
        let other = ObjectKey::of(b"other\0a\0b");
        assert_eq!(other.of_same_tenant(b"g"), b"other\0g");
    }

    #[test]
    fn the_limits_of_key_and_tenant_are_inclusive() {
        assert!(Target::new(b"", &[b'k'; KEY_LIMIT]).check().is_ok());
        assert!(Target::new(b"", &[b'k'; KEY_LIMIT + 1]).check().is_err());
        assert!(Target::new(b"", b"").check().is_err());
        assert!(Target::new(&[b't'; 255], b"k").check().is_ok());
        assert!(Target::new(&[b't'; 256], b"k").check().is_err());
        assert!(Target::new(b"a\0b", b"k").check().is_err());
    }
}
