exports.handler = __f0;

var __provider = {check: __f1, diff: __f2, create: __f3, read: __f4, update: __f5, delete: __f6};

function __f1(__0, __1) {
  return (function() {
    with({ kind: "NameServer", this: undefined, arguments: undefined }) {

return async (olds, news) => require("pulumi-netboot/provider").check(kind, olds, news);

    }
  }).apply(undefined, undefined).apply(this, arguments);
}

function __f2(__0, __1, __2) {
  return (function() {
    with({ kind: "NameServer", this: undefined, arguments: undefined }) {

return async (id, olds, news) => require("pulumi-netboot/provider").diff(kind, id, olds, news);

    }
  }).apply(undefined, undefined).apply(this, arguments);
}

function __f3(__0) {
  return (function() {
    with({ kind: "NameServer", this: undefined, arguments: undefined }) {

return async (news) => require("pulumi-netboot/provider").create(kind, news);

    }
  }).apply(undefined, undefined).apply(this, arguments);
}

function __f4(__0, __1) {
  return (function() {
    with({ kind: "NameServer", this: undefined, arguments: undefined }) {

return async (id, props) => require("pulumi-netboot/provider").read(kind, id, props);

    }
  }).apply(undefined, undefined).apply(this, arguments);
}

function __f5(__0, __1, __2) {
  return (function() {
    with({ kind: "NameServer", this: undefined, arguments: undefined }) {

return async (id, olds, news) => require("pulumi-netboot/provider").update(kind, id, olds, news);

    }
  }).apply(undefined, undefined).apply(this, arguments);
}

function __f6(__0, __1) {
  return (function() {
    with({ kind: "NameServer", this: undefined, arguments: undefined }) {

return async (id, props) => require("pulumi-netboot/provider").remove(kind, id, props);

    }
  }).apply(undefined, undefined).apply(this, arguments);
}

function __f0() {
  return (function() {
    with({ provider: __provider, this: undefined, arguments: undefined }) {

return () => provider;

    }
  }).apply(undefined, undefined).apply(this, arguments);
}
