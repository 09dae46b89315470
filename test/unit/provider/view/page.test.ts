import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { script, style } from "../../../../provider/view/embedded";
import { renderPage } from "../../../../provider/view/page";
import { shownFleet, smallFleet, smallServer } from "../../../support/fleetView";

const hostile = `</script><img src=x onerror=alert(1)><!--<script>"'&\u001b[2J\u202e\u2028`;
const hashOf = (part: string): string => `sha256-${createHash("sha256").update(part).digest("base64")}`;

describe("renderPage", () => {
  it("writes a whole page of a small stack", async () => {
    const page = renderPage(smallFleet())
      .replace(script, "…")
      .replace(style, "…")
      .replaceAll(/sha256-[\w+/=]+/g, "sha256-…");
    await expect(page).toMatchFileSnapshot("../../../golden/view/small.html");
  });

  it("lets a browser run its own script and style by their hashes, and load and send nothing", () => {
    const page = renderPage(smallFleet());
    const policy = /<meta http-equiv="Content-Security-Policy" content="([^"]*)">/.exec(page)?.[1];
    expect(policy).toBe(
      `default-src 'none'; script-src '${hashOf(script)}'; style-src '${hashOf(style)}'; img-src data:; base-uri 'none'; form-action 'none'`,
    );
    expect(page).toContain(`<script>${script}</script>`);
    expect(page).toContain(`<style>${style}</style>`);
    expect(script + style).not.toMatch(
      /https?:|\/\/\w+\.|innerHTML|insertAdjacent|document\.write|eval\(|fetch\(|url\(|@import/,
    );
  });

  it("lets nothing that a host, a log or a state says end its data", () => {
    const resources = smallServer.resources.map((each) => ({
      ...each,
      inputs: { ...each.inputs, interface: hostile },
    }));
    const [boot] = smallServer.boots ?? [];
    if (boot === undefined) throw new Error("db-1 has booted");
    const boots = [{ ...boot, files: [{ name: hostile, at: boot.from, refusal: hostile }] }];
    const said = new Map([["OlaNode/shop/prod/db-1 db-1", hostile]]);
    const seen = {
      ...smallServer,
      host: hostile,
      resources,
      boots,
      proof: { said },
      gaps: [hostile],
      failures: [hostile],
    };
    const page = renderPage(shownFleet([seen], {}, hostile));
    const data = /<script type="application\/json" id="fleet">(.*?)<\/script>/s.exec(page)?.[1] ?? "";
    expect(JSON.parse(data)).toMatchObject({
      servers: [{ notes: [{ text: expect.stringContaining("<img src=x") }, {}] }],
    });
    expect(page.match(/<script/g)).toHaveLength(2);
    expect(page).not.toContain("<img");
    for (const character of ["\u001b", "\u202e", "\u2028"]) expect(page).not.toContain(character);
  });
});
