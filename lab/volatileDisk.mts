import { closeSync, fstatSync, openSync, readSync, writeSync } from "node:fs";

/** What a drive writes whole or not at all. */
const sectorBytes = 512;
/** As much as the cache of a drive holds, in sectors; when it is full, the drive writes it out. */
const cacheSectors = (64 << 20) / sectorBytes;

/**
 * A drive with a write cache that forgets: what was written since the last flush is in memory alone, and of that a power cut
 * leaves some sectors and loses the others, in no order.
 */
export class VolatileDisk {
  readonly bytes: number;
  private readonly file: number;
  private readonly cache = new Map<number, Buffer>();

  constructor(path: string) {
    this.file = openSync(path, "r+");
    this.bytes = fstatSync(this.file).size;
  }

  /** Offset and length are of whole sectors. */
  read(offset: number, length: number): Buffer {
    const data = Buffer.alloc(length);
    readSync(this.file, data, 0, length, offset);
    if (this.cache.size === 0) return data;
    for (let at = 0; at < length; at += sectorBytes) this.cache.get(offset + at)?.copy(data, at);
    return data;
  }

  write(offset: number, data: Buffer): void {
    for (let at = 0; at < data.length; at += sectorBytes) {
      this.cache.set(offset + at, data.subarray(at, at + sectorBytes));
    }
    if (this.cache.size > cacheSectors) this.flush();
  }

  flush(): void {
    this.destage(1);
  }

  /** The end of the power. A share of the sectors, itself left to chance, had got out of the cache already. */
  cut(): void {
    this.destage(Math.random());
    closeSync(this.file);
  }

  /** Writes a share of the cache out, in runs of sectors that follow each other, and forgets the rest. */
  private destage(share: number): void {
    const sectors = [...this.cache].filter(() => Math.random() < share).sort(([one], [other]) => one - other);
    this.cache.clear();
    for (let from = 0, to = 1; from < sectors.length; from = to++) {
      const start = sectors[from]?.[0] ?? 0;
      while (sectors[to]?.[0] === start + (to - from) * sectorBytes) to++;
      writeSync(this.file, Buffer.concat(sectors.slice(from, to).map(([, data]) => data)), 0, null, start);
    }
  }
}
