import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parsePublicKey } from "../../../../provider/ssh/publicKey.ts";
import { parseRevokedKeys } from "../../../../provider/ssh/revokedKeys.ts";
import {
  bare,
  connectionTo,
  failure,
  hostKey,
  makeUser,
  open,
  startServer,
  userKey,
} from "../../../support/sshServer.ts";

/** `ssh-keygen -k -s ca.pub` of OpenSSH 9.2 made this of the first three: the key, its SHA-1, its SHA-256. */
const krl = Buffer.from(
  "U1NIS1JMCgAAAAABAAAAAAAAAAcAAAAAawfAIwAAAAAAAAAAAAAAAAAAAAACAAAANwAAADMAAAALc3NoLWVkMjU1MTkAAAAgV9xHbxE67kFfJOMGZzdf6cWsrP6m8bP5ZywBwkxFL/8DAAAAGAAAABRR3Q+545hHrTrZhuoR+SGPgJJ/PgUAAAAkAAAAIPcpoLuSnkkr4xknpAyjadpsVDC7v46tTHfU0/PspWVS",
  "base64",
);
const keys = [
  "AAAAC3NzaC1lZDI1NTE5AAAAIFfcR28ROu5BXyTjBmc3X+nFrKz+pvGz+WcsAcJMRS//",
  "AAAAC3NzaC1lZDI1NTE5AAAAII1/+31nDB2dtMlO5pjdHj7zu6uwFSznufZT8H7QK2M2",
  "AAAAC3NzaC1lZDI1NTE5AAAAIDolhBc0jOi+CTuVyGCkrlqdCPBDMDO/e39uXQvL54pi",
  "AAAAC3NzaC1lZDI1NTE5AAAAII21KgxljyNmnM3/NavmvsmoF79otd9zWlLAzUzzmZCf",
].map((base64) => parsePublicKey(`ssh-ed25519 ${base64}`));

const answers = (bytes: Buffer) => {
  const isRevoked = parseRevokedKeys(bytes);
  return isRevoked && keys.map((key) => key !== undefined && isRevoked(key));
};

describe("parseRevokedKeys", () => {
  it("reads a KRL, by key and by both hashes", () => {
    expect(answers(krl)).toEqual([true, true, true, false]);
  });

  it("reads a list of keys", () => {
    const list = `# gone\n\nssh-ed25519 ${keys[1]?.bytes.toString("base64")} old\n`;
    expect(answers(Buffer.from(list))).toEqual([false, true, false, false]);
    expect(answers(Buffer.from(""))).toEqual([false, false, false, false]);
  });

  it("takes nothing for a list that it can't read whole", () => {
    expect(parseRevokedKeys(Buffer.from("ssh-ed25519 AAAA\n"))).toBeUndefined();
    expect(parseRevokedKeys(krl.subarray(0, krl.length - 3))).toBeUndefined();
    const newer = Buffer.from(krl);
    newer.writeUInt32BE(2, 8);
    expect(parseRevokedKeys(newer)).toBeUndefined();
    const unknown = Buffer.concat([krl, Buffer.from([9, 0, 0, 0, 0])]);
    expect(parseRevokedKeys(unknown)).toBeUndefined();
  });
});

describe("RevokedHostKeys", () => {
  const meet = async (files: Readonly<Record<string, string>>) => {
    const server = await startServer();
    const user = makeUser({ ".ssh/config": "RevokedHostKeys ~/.ssh/revoked", ...files });
    const error = await failure(open(connectionTo(server, { privateKey: userKey.private }), user));
    expect(server.seen.attempts).toEqual([]);
    return { error, home: user.home };
  };

  it("has its keys refused, also one that hostKey gives", async () => {
    const { error, home } = await meet({ ".ssh/revoked": `${bare(hostKey.public)}\n` });
    expect(error.code).toBe("HOST_KEY_CHANGED");
    expect(error.message).toContain(`revoked by ${join(home, ".ssh/revoked")}`);
  });

  it("has every key refused where it can't be read, as ssh does", async () => {
    const { error, home } = await meet({});
    expect(error).toMatchObject({
      code: "HOST_KEY_UNKNOWN",
      message: expect.stringContaining("RevokedHostKeys names"),
    });
    expect(error.message).toContain(join(home, ".ssh/revoked"));
  });
});
