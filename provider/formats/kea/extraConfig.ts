/** Why statements of dhcpd's have no place in Kea's configuration. */
export function whyNoExtraConfig(): readonly string[] {
  return [
    "holds statements for dhcpd.conf, and Kea reads none; give a machine's options in its node, or leave dhcp.daemon out",
  ];
}
