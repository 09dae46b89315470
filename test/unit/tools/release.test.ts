import { describe, expect, it } from "vitest";
import { type Publication, whatIsMissing } from "../../../tools/release.mts";

const whole = {
  manifest: {
    name: "p",
    version: "0.1.0",
    repository: { url: "u" },
    homepage: "h",
    bugs: "b",
    dependencies: { q: "1" },
  },
  files: {
    "CHANGELOG.md": "# p\n\n## 0.1.0\n\n- all\n",
    "README.md": "[how](docs/how.md#here) [e](examples/fleet) [elsewhere](https://example.net) [below](#below)",
    "docs/how.md": "[back](../README.md)",
    "dist/a.js": '// see docs/how.md\nrequire("q/runtime"); require("fs"); require("p"); require("./b");',
    "dist/a.js.map": `{ "sources": ["../a.ts"], "sourcesContent": ["// see"] }`,
  },
};

function publication(files: Readonly<Record<string, string>> = {}, manifest: object = {}): Publication {
  return {
    manifest: { ...whole.manifest, ...manifest },
    files: new Map(Object.entries({ ...whole.files, ...files })),
    isInRepository: (path) => path === "examples/fleet",
  };
}

describe("whatIsMissing", () => {
  it("finds nothing in a whole publication", () => {
    expect(whatIsMissing(publication())).toEqual([]);
  });

  it.each<[string, Publication, string]>([
    ["no version", publication({}, { version: "0.0.0" }), "0.0.0 is no version of a release"],
    ["no place", publication({}, { repository: undefined }), "package.json has no repository"],
    ["a CHANGELOG of before", publication({}, { version: "0.2.0" }), "CHANGELOG.md says nothing of p 0.2.0"],
    [
      "a page that stayed behind",
      publication({ "dist/a.d.ts": "/** docs/other.md */" }),
      "dist/a.d.ts names docs/other.md, which is not published",
    ],
    [
      "a type out of a package that only we have",
      publication({ "dist/a.d.ts": 'import type { Z } from "zod";' }),
      "dist/a.d.ts asks for zod, which an install does not bring",
    ],
    [
      "a module of such a one",
      publication({ "dist/a.js": 'const z = require("@acme/zod/mini");' }),
      "dist/a.js asks for @acme/zod, which an install does not bring",
    ],
    [
      "a map without its source",
      publication({ "dist/a.js.map": `{ "sources": ["../a.ts"] }` }),
      "dist/a.js.map has not its sources in it",
    ],
    [
      "a dead link",
      publication({ "docs/how.md": "[gone](gone.md)" }),
      "docs/how.md has a link to docs/gone.md, which is nowhere",
    ],
  ])("tells of %s", (_what, given, sentence) => {
    expect(whatIsMissing(given)).toContain(sentence);
  });
});
