// Error numbers the allocator answers with, negated (userspace.md c.7, c.8).

export const ENOMEM = 12
export const EINVAL = 22
