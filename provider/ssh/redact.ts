/**
 * A text with every secret replaced by `[secret]`.
 *
 * @remarks
 * Programs quote what they could not read, so a secret of several lines (a private key) is also found line by line,
 * and each in the form in which JSON writes it.
 */
export function redact(text: string, secrets: readonly string[]): string {
  const forms = new Set<string>();
  for (const secret of secrets) {
    // A line of a key's armour ("-----BEGIN …") says nothing, and a short one would blacken ordinary words.
    const lines = secret.split(/\r?\n/).filter((line) => line.length >= 16 && !line.startsWith("-----"));
    for (const form of [secret, secret.trim(), JSON.stringify(secret).slice(1, -1), ...lines]) {
      if (form !== "") forms.add(form);
    }
  }
  // The longest first: a secret that is a part of another must not leave the rest of it standing.
  const ordered = [...forms].sort((one, other) => other.length - one.length);
  return ordered.reduce((shown, form) => shown.replaceAll(form, "[secret]"), text);
}
