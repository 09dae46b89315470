import { readFile } from "node:fs/promises";
import { sha256Of } from "../digest";
import { NetbootError } from "../errors";
import type { LocalFile } from "../kinds/kind";

/** Reads a file of the machine where Pulumi runs, which must still be what the program saw. */
export async function readLocalFile({ name, path, sha256 }: LocalFile): Promise<Uint8Array> {
  const content = await readFile(path).catch((cause: Error) => {
    throw new NetbootError("ARGUMENTS_INVALID", `${name}: ${path} can't be read: ${cause.message}`, { cause });
  });
  const seen = sha256Of(content);
  if (seen === sha256) return content;
  throw new NetbootError(
    "ARGUMENTS_INVALID",
    `${name}: ${path} changed while pulumi ran (sha256 ${seen}, not ${sha256}); run it again`,
  );
}
