//! Randomness from the operating system: seeds, cluster ids, rebuild ids, numbers of lives.

/// Bytes that nobody can guess. Waits for the kernel's pool once after boot.
#[must_use]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let mut filled = 0;
    while filled < N {
        match rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty()) {
            Ok(more) => filled += more,
            Err(rustix::io::Errno::INTR) => {}
            // Every kernel that Rust supports has it; without it no id could be unique.
            Err(error) => panic!("the operating system gives no random numbers: {error}"),
        }
    }
    bytes
}

/// A number that nobody can guess.
#[must_use]
pub fn random_u64() -> u64 {
    u64::from_le_bytes(random_bytes())
}
