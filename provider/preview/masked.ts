/** What stands behind such a word is a secret, in the languages that we read or replace: dhcpd's keys, scripts of iPXE, units. */
const named =
  /\b(secret|ldap-password|password|passwd|passphrase|psk)(["']?[ \t]*(?:[=:]|\s)\s*(?:^[-+ ][ \t]*)?)("(?:[^"\\\n]|\\.)*"|[^\s;"]+)/gim;
/** The password in an address: `http://me:secret@host/`. */
const inAddress = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@]*:)[^\s/@]+@/gi;

/** A text of somebody's as it may be shown: every secret in it is `[secret]`. */
export function masked(text: string): string {
  return text.replaceAll(named, "$1$2[secret]").replaceAll(inAddress, "$1[secret]@");
}
