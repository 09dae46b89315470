/**
 * Whether a name matches one of OpenSSH's patterns (ssh_config(5), PATTERNS): `*` stands for any characters and `?`
 * for exactly one.
 */
export function matchesPattern(pattern: string, name: string): boolean {
  const expression = pattern
    .replace(/[\\^$.|+()[\]{}]/g, "\\$&")
    .replace(/\*+/g, ".*")
    .replace(/\?/g, ".");
  return new RegExp(`^${expression}$`, "s").test(name);
}

/** Whether a name is meant by a list of patterns: one that begins with `!` and matches excludes it, wherever it stands. */
export function matchesPatterns(patterns: readonly string[], name: string): boolean {
  let matched = false;
  for (const pattern of patterns) {
    if (pattern.startsWith("!")) {
      if (matchesPattern(pattern.slice(1), name)) return false;
    } else if (matchesPattern(pattern, name)) {
      matched = true;
    }
  }
  return matched;
}
