import { script, scriptHash, style, styleHash } from "./embedded";
import type { FleetView } from "./fleet";
import { escaped, renderData } from "./markup";

/**
 * A stack as one page: it holds all that it needs, and a browser is told to load nothing, to run no other script than this
 * one, and to send nothing anywhere.
 */
export function renderPage(view: FleetView): string {
  const policy = [
    "default-src 'none'",
    `script-src '${scriptHash}'`,
    `style-src '${styleHash}'`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ];
  return [
    "<!doctype html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy.join("; ")}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="referrer" content="no-referrer">',
    '<link rel="icon" href="data:,">',
    `<title>${escaped(view.stack)}: network boot</title>`,
    `<style>${style}</style>`,
    "</head>",
    "<body>",
    "<noscript>This page draws itself with a script of its own, which this browser does not run.</noscript>",
    `<script type="application/json" id="fleet">${renderData(view)}</script>`,
    `<script>${script}</script>`,
    "</body>",
    "</html>",
    "",
  ].join("\n");
}
