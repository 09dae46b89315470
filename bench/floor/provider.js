/** Methods that do nothing: every input is right, nothing has changed, but for a kind that the environment names. */
exports.check = (_kind, _olds, inputs) => ({ inputs, failures: [] });
exports.diff = (kind) => ({ changes: process.env["BENCH_FLOOR_CHANGES"] === kind ? undefined : false, replaces: [] });
exports.create = (_kind, inputs) => ({ id: String(inputs.__urn ?? "made"), outs: inputs });
exports.update = (_kind, _id, outs) => ({ outs });
exports.read = (_kind, id, props) => ({ id, props });
exports.remove = () => undefined;
