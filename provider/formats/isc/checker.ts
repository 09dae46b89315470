/** What `dhcpd -t` has to say, which stands between its banner and its advice on bugs. */
export function wordsOfDhcpd(said: string): readonly string[] {
  const banner = /^(Internet Systems|Copyright|All rights|For info|Config file:|Database file:|PID file:)/;
  return said
    .replace(/^(Configuration file errors|If you think you have received)[\s\S]*/m, "")
    .split("\n")
    .filter((line) => line !== "" && !banner.test(line));
}
