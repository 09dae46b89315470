import { describeFirewall } from "../support/describeFirewall";

// nftables is in test/system.
describeFirewall("ufw");
describeFirewall("firewalld");
describeFirewall("iptables-nft");
describeFirewall("iptables-legacy");
