/** What `kea-dhcp4 -t` has to say: its errors and warnings, without the time and the logger before them. */
export function wordsOfKea(said: string): readonly string[] {
  return said
    .split("\n")
    .filter((line) => line !== "" && !/^\S+ \S+ +(INFO|DEBUG) /.test(line))
    .map((line) => line.replace(/^\S+ \S+ +(?:ERROR|FATAL|WARN) +\[[^\]]*\] /, ""));
}
