/** The beginning of a program for a machine type; `between` lies between its two headers. */
export function program(machine: number, between: readonly number[] = []): Uint8Array {
  const header = 64 + between.length;
  const bytes = new Uint8Array(header + 24);
  const view = new DataView(bytes.buffer);
  bytes.set([0x4d, 0x5a, 0x90, 0, 3, 0, 0, 0, 4, 0, 0, 0, 0xff, 0xff, 0, 0, 0xb8]);
  bytes.set(between, 64);
  view.setUint32(60, header, true);
  bytes.set([0x50, 0x45, 0, 0], header);
  view.setUint16(header + 4, machine, true);
  return bytes;
}

/** Bytes as node 0 answers them: a byte that is no UTF-8 is one character. */
export function answered(bytes: Uint8Array): string {
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const length = [1, 2, 3, 4].find((count) => {
      try {
        return at + count <= bytes.length && utf8.decode(bytes.subarray(at, at + count)).length > 0;
      } catch {
        return false;
      }
    });
    text += length === undefined ? String.fromCharCode(bytes[at] ?? 0) : utf8.decode(bytes.subarray(at, at + length));
    at += length ?? 1;
  }
  return text;
}
