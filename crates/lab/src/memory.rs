//! What the process does with memory that it frees.

/// A freed block below this is kept by the process, however large; the largest that the allocator takes.
const KEPT: i32 = 32 << 20;
/// So much may be free at the end of the heap before it is given back to the system.
const FREE: i32 = 512 << 20;
/// The heap grows by so much at once.
const GROWTH: i32 = 16 << 20;

/// Keeps freed memory for the next block instead of giving it back to the system.
///
/// Work that goes from piece to piece frees buffers of some hundred kilobytes and asks for the same again at once. By
/// default glibc gives such blocks back, and each comes again as pages that the kernel has to fill with zeros: 15 % of an
/// aggregation's processor time. What the process uses at the most stays the same. Other allocators do as they do.
pub(crate) fn keep_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[allow(unsafe_code, reason = "an option of the allocator")]
    for (option, bytes) in [
        (nix::libc::M_MMAP_THRESHOLD, KEPT),
        (nix::libc::M_TRIM_THRESHOLD, FREE),
        (nix::libc::M_TOP_PAD, GROWTH),
    ] {
        // SAFETY: it sets a number of the allocator under its lock; one that it does not take it leaves alone.
        unsafe { nix::libc::mallopt(option, bytes) };
    }
}
