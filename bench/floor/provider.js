/** Methods that do nothing: every input is right, nothing has changed, and nothing else is ever asked. */
exports.check = (_kind, _olds, inputs) => ({ inputs, failures: [] });
exports.diff = () => ({ changes: false, replaces: [] });
