// biome-ignore-all lint/suspicious/noExplicitAny: whatever the program gives is right, so that reading it costs nothing
export class NetbootServer {
  constructor(name: string, args: any);
}
export class OlaNode {
  constructor(name: string, args: any);
  readonly nextBoot: any;
  readonly verified: any;
}
