/** What mends what was found, whoever looks: the verb and the rest of the sentence stand behind it. */
export function upMends(does: "mends what somebody changed" | "starts it" | "puts them back"): string {
  return `\`pulumi up --refresh\` ${does}`;
}

/**
 * The same for a reader whose run has looked at node 0 before: it is that command which he has just given. What is not proved
 * may be mended by a later change of the run.
 */
export function asRefreshed(text: string): string {
  const worded = text.replaceAll(
    /`pulumi up --refresh` (mends what somebody changed|starts it|puts them back)/g,
    (_advice, does: string) => `the \`up\` of this run ${does}, where this stack declares it`,
  );
  return worded === text ? text : worded.replace(/^not proved: /, "not proved yet: ");
}
