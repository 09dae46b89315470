import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SeenServer } from "../../provider/view/fleet";
import { renderPage } from "../../provider/view/page";
import { openBrowser } from "../../tools/browser.mts";
import { largeServer, serverResources, shownFleet, smallServer } from "../support/fleetView";

/** A stack's page as a browser shows it. No node 0 is needed. */
describe("the page of a stack", () => {
  let browser: Browser;
  let folder: string;
  /** What went wrong in any page, and what any page asked of the network. */
  const complaints: string[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "netboot-view-"));
    browser = await openBrowser();
  });

  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const open = async (
    servers: readonly SeenServer[],
    options: Parameters<Browser["newPage"]>[0] = {},
  ): Promise<Page> => {
    const path = join(folder, `${Math.random()}.html`);
    writeFileSync(path, renderPage(shownFleet(servers)));
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, ...options });
    page.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("request", (request) => {
      if (request.url() !== pathToFileURL(path).href && !request.url().startsWith("data:"))
        complaints.push(request.url());
    });
    await page.goto(pathToFileURL(path).href);
    return page;
  };
  const names = (page: Page): Promise<string[]> =>
    page.locator("#part0 .rows [role=row] [role=gridcell]:nth-child(2)").allTextContents();
  const chosen = (page: Page): Promise<string> =>
    page.locator("#part0 .rows [aria-selected=true] [role=gridcell]:nth-child(2)").textContent().then(String);
  const large = largeServer(10_000);

  it("is there at once with ten thousand machines, draws few of them, and scrolls to the last", async () => {
    const page = await open([large]);
    const painted = (): Promise<number> =>
      page.evaluate('performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Infinity');
    await expect.poll(painted, { timeout: 5000 }).toBeLessThan(3000);
    await expect(page.locator("#part0 [role=grid]").getAttribute("aria-rowcount")).resolves.toBe("10001");
    expect(await page.locator("#part0 .rows [role=row]").count()).toBeLessThan(80);
    await page.locator("#part0 [role=grid]").focus();
    await page.keyboard.press("End");
    await expect.poll(() => chosen(page)).toBe("rack-250-node-40");
    await page.keyboard.press("Home");
    await expect.poll(() => chosen(page)).toBe("rack-11-node-22");
    const began = performance.now();
    await page.fill("#search", "rack-77-node 04:3f:72:ab");
    await expect.poll(() => page.locator("#part0 .count").textContent()).toBe("40 of 10,000");
    expect(performance.now() - began).toBeLessThan(1500);
    await page.close();
  });

  it("puts what fails first, is sorted by any column, and chooses by state and by words", async () => {
    const page = await open([smallServer]);
    expect(await names(page)).toEqual(["db-2", "db-1", "web-1"]);
    const head = page.getByRole("columnheader", { name: "Address" });
    await head.getByRole("button").click();
    expect(await names(page)).toEqual(["web-1", "db-1", "db-2"]);
    await head.getByRole("button").click();
    expect(await names(page)).toEqual(["db-2", "db-1", "web-1"]);
    expect(await head.getAttribute("aria-sort")).toBe("descending");
    await page.getByRole("button", { name: /^proved/ }).click();
    expect(await names(page)).toEqual(["db-1", "web-1"]);
    await page.fill("#search", "POOL");
    expect(await names(page)).toEqual(["web-1"]);
    await page.fill("#search", "nothing like it");
    expect(await page.locator("#part0 .empty").textContent()).toBe("No machine is like that.");
    await page.close();
  });

  it("goes by keys alone: / searches, arrows move, Enter opens, Escape closes and clears", async () => {
    const page = await open([smallServer]);
    await page.keyboard.press("/");
    await page.keyboard.type("db-");
    expect(await names(page)).toEqual(["db-2", "db-1"]);
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    expect(await chosen(page)).toBe("db-1");
    await page.keyboard.press("Enter");
    const panel = page.getByRole("complementary", { name: "db-1" });
    await panel.waitFor();
    expect(await panel.locator(".steps strong").allTextContents()).toEqual([
      "UEFI x64",
      "ipxe.efi",
      "refind.pxe",
      "refind.conf",
      "refind_x64.efi",
      "local disk",
    ]);
    expect(await panel.locator(".boot li .what").allTextContents()).toContain("ipxe.efi 1111111111");
    await page.keyboard.press("Escape");
    expect(await page.locator(".panel").isVisible()).toBe(false);
    expect(await page.evaluate("document.activeElement?.role")).toBe("grid");
    await page.keyboard.press("/");
    await page.keyboard.press("Escape");
    expect(await names(page)).toHaveLength(3);
    await page.getByRole("tab", { name: "Machines" }).focus();
    await page.keyboard.press("ArrowRight");
    expect(await page.getByRole("tabpanel", { name: "Chains" }).locator("h2").allTextContents()).toEqual([
      "x64 ipxe.efi",
      "x64 snponly.efi",
    ]);
    await page.getByRole("button", { name: "1 machine" }).click();
    expect(await names(page)).toEqual(["db-2"]);
    await page.close();
  });

  it("is light or dark as the machine has it, until somebody says otherwise", async () => {
    const paper = (page: Page): Promise<string> =>
      page.evaluate("getComputedStyle(document.documentElement).backgroundColor");
    for (const [colorScheme, first, then] of [
      ["light", "rgb(255, 255, 255)", "rgb(20, 22, 25)"],
      ["dark", "rgb(20, 22, 25)", "rgb(255, 255, 255)"],
    ] as const) {
      const page = await open([smallServer], { colorScheme });
      expect(await paper(page)).toBe(first);
      await page.getByRole("button", { name: /^switch to/ }).click();
      expect(await paper(page)).toBe(then);
      await page.close();
    }
  });

  it("has nothing that keeps somebody from using it, by axe's rules, light, dark and narrow", async () => {
    for (const options of [
      { colorScheme: "light" },
      { colorScheme: "dark" },
      { viewport: { width: 400, height: 800 } },
    ] as const) {
      const page = await open([{ ...smallServer, gaps: ["the log has gaps, 9 lines until then"] }], options);
      const found: string[] = [];
      await page.evaluate(axe.source);
      for (const [tab, opens] of [
        [0, false],
        [0, true],
        [1, false],
        [2, false],
        [3, false],
      ] as const) {
        await page.keyboard.press("Escape");
        await page.locator(`#tab${tab}`).click();
        if (opens) await page.locator("#part0 .rows [role=row]").first().click();
        const violations: readonly string[] = await page.evaluate(
          "axe.run().then(({ violations }) => violations.map(({ id, impact, nodes }) => [impact, id, nodes[0].html].join(' ')))",
        );
        found.push(...violations);
      }
      expect(found).toEqual([]);
      await page.close();
    }
  });

  it("shows what a host wrote as it is, and runs nothing of it", async () => {
    const hostile = "</script><img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>";
    const [boot] = smallServer.boots ?? [];
    if (boot === undefined) throw new Error("db-1 has booted");
    const boots = [{ ...boot, files: [{ name: hostile, at: boot.from, refusal: hostile }] }];
    const proof = { said: new Map([["OlaNode/shop/prod/db-1 db-1", hostile]]) };
    const before = complaints.length;
    const page = await open([{ ...smallServer, host: hostile, boots, proof, gaps: [hostile], failures: [hostile] }]);
    await page.fill("#search", "db-1");
    await page.locator("#part0 .rows [role=row]").first().click();
    expect(await page.locator(".panel").textContent()).toContain(`${hostile}: ${hostile}`);
    for (const tab of [1, 2, 3]) await page.locator(`#tab${tab}`).click();
    expect(await page.title()).toBe("shop/prod: network boot");
    expect(await page.locator("img").count()).toBe(0);
    expect(complaints.slice(before)).toEqual([]);
    await page.close();
  });

  it("is told by its own policy to load nothing, and by that does not", async () => {
    const page = await open([smallServer]);
    const before = complaints.length;
    const loaded = await page.evaluate(`new Promise((resolve) => {
      const image = document.createElement("img");
      document.addEventListener("securitypolicyviolation", ({ violatedDirective }) => resolve(violatedDirective));
      image.addEventListener("load", () => resolve("loaded"));
      image.src = "https://192.0.2.1/x.png";
    })`);
    expect(loaded).toBe("img-src");
    complaints.length = before;
    await page.close();
  });

  it("says that there is nothing, and prints all that was chosen", async () => {
    const none = await open([{ ...smallServer, resources: serverResources("x"), boots: [] }]);
    expect(await none.locator("#part0 .empty").textContent()).toBe("This stack declares no machines.");
    await none.close();
    const page = await open([largeServer(200)]);
    await page.fill("#search", "rack-1-");
    await page.evaluate('dispatchEvent(new Event("beforeprint"))');
    await page.emulateMedia({ media: "print" });
    expect(await page.locator("#part0 .rows [role=row]").count()).toBe(40);
    expect(await page.getByText("Asked, and declared by no program").isVisible()).toBe(true);
    await page.close();
  });

  it("has never asked anything of anybody, nor complained", () => {
    expect(complaints).toEqual([]);
  });
});
