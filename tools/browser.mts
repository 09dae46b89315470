import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import chromium from "@sparticuz/chromium";
import { type Browser, chromium as playwright } from "playwright-core";

const root = join(import.meta.dirname, "..");
const { version } = JSON.parse(readFileSync(join(root, "node_modules/@sparticuz/chromium/package.json"), "utf8")) as {
  readonly version: string;
};

/** Starts the Chromium that an npm package carries: it is unpacked once, beside the packages, and goes with them. */
export async function openBrowser(): Promise<Browser> {
  const { TMPDIR } = process.env;
  process.env["TMPDIR"] = join(root, "node_modules/.cache", `chromium-${version}`);
  try {
    mkdirSync(process.env["TMPDIR"], { recursive: true });
    return await playwright.launch({ executablePath: await chromium.executablePath(), args: ["--no-sandbox"] });
  } finally {
    if (TMPDIR === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = TMPDIR;
  }
}
