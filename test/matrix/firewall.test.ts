import { describeFirewall } from "../support/firewalls";

// nftables is in test/system.
describeFirewall("ufw");
describeFirewall("firewalld");
describeFirewall("iptables-nft");
describeFirewall("iptables-legacy");
