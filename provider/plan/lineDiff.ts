/** Beyond so many comparisons two texts are shown as one whole for another. */
const mostCells = 4_000_000;

type Edit = { readonly sign: " " | "-" | "+"; readonly text: string };

/**
 * The lines in which two texts differ, as `diff -u` draws them but without the names of files; empty if they are the same.
 *
 * @param context - how many lines are shown around each difference
 */
export function renderLineDiff(before: string, after: string, context: number): string {
  const edits = editsOf(linesOf(before), linesOf(after));
  const isShown = edits.map(() => false);
  edits.forEach(({ sign }, at) => {
    if (sign !== " ") isShown.fill(true, Math.max(0, at - context), at + context + 1);
  });
  const shown: string[] = [];
  let [old, now] = [1, 1];
  for (let at = 0; at < edits.length; ) {
    const end = endOf(isShown, at);
    const hunk = edits.slice(at, end);
    const [gone, come] = [
      hunk.filter(({ sign }) => sign !== "+").length,
      hunk.filter(({ sign }) => sign !== "-").length,
    ];
    if (isShown[at] === true) {
      shown.push(
        `@@ -${rangeOf(old, gone)} +${rangeOf(now, come)} @@`,
        ...hunk.map(({ sign, text }) => `${sign}${text}`),
      );
    }
    [old, now, at] = [old + gone, now + come, end];
  }
  return shown.map((text) => `${text}\n`).join("");
}

function endOf(isShown: readonly boolean[], start: number): number {
  let end = start;
  while (end < isShown.length && isShown[end] === isShown[start]) end++;
  return end;
}

/** An empty range begins at the line before it. */
function rangeOf(first: number, count: number): string {
  return count === 1 ? String(first) : `${count === 0 ? first - 1 : first},${count}`;
}

/** That a text ends without a newline is a difference, too. */
function linesOf(text: string): readonly string[] {
  if (text === "") return [];
  const lines = text.split("\n");
  const last = lines.pop() ?? "";
  return last === "" ? lines : [...lines, `${last}\n\\ No newline at end of file`];
}

function editsOf(before: readonly string[], after: readonly string[]): readonly Edit[] {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head++;
  let tail = 0;
  const most = Math.min(before.length, after.length) - head;
  while (tail < most && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  const same = (lines: readonly string[]): readonly Edit[] => lines.map((text) => ({ sign: " ", text }));
  return [
    ...same(before.slice(0, head)),
    ...editsBetween(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...same(before.slice(before.length - tail)),
  ];
}

/** By the longest common subsequence of lines; what goes stands before what comes. */
function editsBetween(before: readonly string[], after: readonly string[]): readonly Edit[] {
  const goes = (text: string): Edit => ({ sign: "-", text });
  const comes = (text: string): Edit => ({ sign: "+", text });
  const width = after.length + 1;
  if (before.length * after.length > mostCells) return [...before.map(goes), ...after.map(comes)];
  const common = new Uint32Array((before.length + 1) * width);
  const commonAt = (row: number, column: number): number => common[row * width + column] ?? 0;
  for (let row = before.length - 1; row >= 0; row--) {
    for (let column = after.length - 1; column >= 0; column--) {
      common[row * width + column] =
        before[row] === after[column]
          ? commonAt(row + 1, column + 1) + 1
          : Math.max(commonAt(row + 1, column), commonAt(row, column + 1));
    }
  }
  const edits: Edit[] = [];
  let [row, column] = [0, 0];
  while (row < before.length || column < after.length) {
    const [old, now] = [before[row], after[column]];
    if (old !== undefined && old === now) {
      edits.push({ sign: " ", text: old });
      row++;
      column++;
    } else if (old !== undefined && (now === undefined || commonAt(row + 1, column) >= commonAt(row, column + 1))) {
      edits.push(goes(old));
      row++;
    } else {
      edits.push(comes(now ?? ""));
      column++;
    }
  }
  return edits;
}
