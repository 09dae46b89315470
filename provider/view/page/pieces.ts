import type { BootView, ChainView, Known } from "../fleet";
import { isWhole, knownOrder, knownWords, reaches, view } from "./data";
import { type Child, countText, element, secondsText, timeText } from "./elements";

/** A word with its mark, which is not told by its colour alone. */
export function badge(known: Known): HTMLElement {
  return element("span", { class: `known ${known}` }, knownWords[known]);
}

/** How far a boot came, as a row of little boxes. */
export function meter(boot: BootView): HTMLElement {
  const reached = reaches.indexOf(boot.reached);
  const boxes = reaches.map((_, at) => element("i", { class: at <= reached ? "reached" : undefined }));
  const label = `reached ${boot.reached}`;
  return element(
    "span",
    { class: `meter ${isWhole(boot) ? "whole" : "short"}`, role: "img", "aria-label": label },
    ...boxes,
  );
}

/** A chain, step by step. */
export function steps({ steps: all }: ChainView, isRow: boolean): HTMLElement {
  return element(
    "ol",
    { class: isRow ? "steps across" : "steps" },
    ...all.map(({ title, sha256, known, said }) =>
      element(
        "li",
        { class: known },
        element("strong", {}, title),
        element(
          "span",
          { class: `known ${known}` },
          known === "unasked" && title === "local disk" ? "not provable" : knownWords[known],
        ),
        sha256 === undefined ? undefined : element("code", { class: "sum" }, sha256),
        element("span", { class: "said" }, said),
      ),
    ),
  );
}

/** The worst that is known of any step but the disk, of which nothing ever is. */
export function worstOf({ steps: all }: ChainView): Known {
  return knownOrder.find((known) => all.slice(0, -1).some((step) => step.known === known)) ?? "unasked";
}

/** A boot as a time line: each sign with the time until the next. */
export function timeline(boot: BootView, nic: string | undefined): HTMLElement {
  const signs = boot.marks.flatMap((place, at) => {
    const mark = at % 2 === 0 ? view.marks[place] : undefined;
    return mark === undefined ? [] : [{ ...mark, seconds: (boot.marks[at + 1] ?? 0) / 1000 }];
  });
  const whole = Math.max(signs.at(-1)?.seconds ?? 0, 0.1);
  const rows = signs.map(({ by, what, sha256, isRefused, seconds }, at) => {
    const bar = element("i", { class: isRefused ? "refused" : by });
    bar.style.left = `${(seconds / whole) * 100}%`;
    bar.style.width = `${(((signs[at + 1]?.seconds ?? seconds) - seconds) / whole) * 100}%`;
    return element(
      "li",
      {},
      element("span", { class: "by" }, by),
      element(
        "span",
        { class: isRefused ? "what refused" : "what" },
        what,
        " ",
        sha256 === undefined ? undefined : element("code", { title: sha256 }, sha256.slice(0, 10)),
      ),
      element("span", { class: "track", "aria-hidden": "true" }, bar),
      element("span", { class: "after" }, `+${secondsText(seconds)}`),
    );
  });
  return element(
    "section",
    { class: "boot" },
    element(
      "h4",
      {},
      element("time", {}, timeText(boot.from)),
      nic === undefined ? undefined : element("code", {}, nic),
      boot.address === undefined ? undefined : element("code", {}, boot.address),
    ),
    element("ol", {}, ...rows),
    element("p", { class: isWhole(boot) ? "end" : "end short" }, view.ends[boot.reached]),
  );
}

/** A part of the page with its heading. */
export function part(title: string, ...children: readonly Child[]): HTMLElement {
  return element("section", { class: "part" }, element("h3", {}, title), ...children);
}

/** What a list left out, for it would be too long. */
export function leftOut(count: number, what: string): HTMLElement | undefined {
  return count === 0
    ? undefined
    : element("p", { class: "faint" }, `${countText(count, what)} more, older, are not in this page`);
}
