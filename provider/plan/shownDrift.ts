import { type Drift, renderDrift } from "../kinds/drift";
import type { Want } from "../kinds/want";
import { masked } from "../preview/masked";
import { renderLineDiff } from "./lineDiff";

/** As many differences of a resource are told of one by one, and as many lines of a text. */
const most = { differences: 8, lines: 40 };

/**
 * What a look found not as declared, for the row of its resource: the engine draws all that a resource has around it. A text
 * that somebody changed is told with its lines, unless it is a secret of the program's.
 *
 * @example
 * ```
 * not as declared: /srv/tftp/refind.conf was changed (- as declared, + as it is now)
 * @@ -3 +3 @@
 * -timeout 1
 * +timeout 9
 * ```
 */
export function renderFound(wants: readonly Want[], drift: readonly Drift[], isSecret = false): string {
  const shown = drift.slice(0, most.differences).map((each) => {
    const words = `not as declared: ${renderDrift(each)}`;
    const lines = isSecret ? "" : linesOf(wants, each);
    return lines === "" ? words : `${words} (- as declared, + as it is now)\n${lines}`;
  });
  const more = drift.length - shown.length;
  return [...shown, ...(more === 0 ? [] : [`not as declared: ${more} more`])].join("\n");
}

/** The lines in which a text differs; none of what is no text of a program. */
function linesOf(wants: readonly Want[], { what, how, seen }: Drift): string {
  if (how !== "changed") return "";
  const file = wants.find((want) => want.want === "file" && want.path === what);
  if (file?.want !== "file" || typeof file.content !== "string" || file.input === undefined) return "";
  const lines = masked(renderLineDiff(file.content, seen, 0))
    .trimEnd()
    .split("\n");
  const more = lines.length - most.lines;
  return [...lines.slice(0, most.lines), ...(more > 0 ? [`… ${more} more lines`] : [])].join("\n");
}
