import type { Held } from "../../../../provider/plan/records";
import { entry, machine, serve, tftpd } from "../plan/registered";

export const dhcpId = "DhcpServer/p/one/dhcp";
export const tftpId = "TftpServer/p/one/tftp";
export const nic: Held = {
  want: "interface",
  interface: "name:eno2",
  address: "192.168.1.1",
  prefixLength: 28,
  allowDefaultRoute: false,
};
export const dhcp = entry(dhcpId, [nic, serve()]);
export const tftp = entry(tftpId, [tftpd]);
export const node = entry("OlaNode/p/one/db-1", [], [machine("db-1")]);
export const others = [entry("OlaNode/p/two/web-1", [], [machine("web-1", { address: "192.168.1.3" })])];
export const theirs = others[0]?.id ?? "";
