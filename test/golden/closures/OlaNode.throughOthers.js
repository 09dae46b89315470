exports.handler = __f0;

var __provider = {check: __f1, diff: __f3, create: __f4, read: __f5, update: __f6, delete: __f7};

function __f2() {
  return (function() {
    with({ this: undefined, arguments: undefined }) {

return () => {
	const [module, fs, path] = [
		require("node:module"),
		require("node:fs"),
		require("node:path")
	];
	const memory = globalThis;
	if (memory.pulumiNetbootProvider !== undefined) return memory.pulumiNetbootProvider;
	const manifestIn = (folder) => path.join(folder, "package.json");
	let program = process.cwd();
	while (!fs.existsSync(manifestIn(program)) && path.dirname(program) !== program) program = path.dirname(program);
	const folders = new Set([program]);
	for (const folder of folders) {
		const from = module.createRequire(manifestIn(folder));
		try {
			from.resolve("pulumi-netboot/provider");
		} catch {
			const manifest = fs.existsSync(manifestIn(folder)) ? JSON.parse(fs.readFileSync(manifestIn(folder), "utf8")) : {};
			const { dependencies, devDependencies, optionalDependencies, peerDependencies } = manifest;
			const named = {
				...dependencies,
				...devDependencies,
				...optionalDependencies,
				...peerDependencies
			};
			for (const name of Object.keys(named)) {
				try {
					const pnp = module.findPnpApi?.(folder);
					const places = from.resolve.paths(name).map((place) => path.join(place, name));
					const at = pnp ? pnp.resolveToUnqualified(name, manifestIn(folder)) : places.find(fs.existsSync);
					folders.add(fs.realpathSync(at));
				} catch {}
			};
			continue;
		};
		memory.pulumiNetbootProvider = from("pulumi-netboot/provider");
		return memory.pulumiNetbootProvider;
	};
	throw new Error(`pulumi-netboot is found neither from ${program} nor from what its package.json names; add it to its dependencies`);
};

    }
  }).apply(undefined, undefined).apply(this, arguments);
}

function __f1(__0, __1) {
  return (function() {
    with({ throughOthers: __f2, kind: "OlaNode", this: undefined, arguments: undefined }) {

return async (olds, news) => throughOthers().check(kind, olds, news);

    }
  }).apply(undefined, undefined).apply(this, arguments);
}

function __f3(__0, __1, __2) {
  return (function() {
    with({ throughOthers: __f2, kind: "OlaNode", this: undefined, arguments: undefined }) {

return async (id, olds, news) => throughOthers().diff(kind, id, olds, news);

    }
  }).apply(undefined, undefined).apply(this, arguments);
}

function __f4(__0) {
  return (function() {
    with({ throughOthers: __f2, kind: "OlaNode", this: undefined, arguments: undefined }) {

return async (news) => throughOthers().create(kind, news);

    }
  }).apply(undefined, undefined).apply(this, arguments);
}

function __f5(__0, __1) {
  return (function() {
    with({ throughOthers: __f2, kind: "OlaNode", this: undefined, arguments: undefined }) {

return async (id, props) => throughOthers().read(kind, id, props);

    }
  }).apply(undefined, undefined).apply(this, arguments);
}

function __f6(__0, __1, __2) {
  return (function() {
    with({ throughOthers: __f2, kind: "OlaNode", this: undefined, arguments: undefined }) {

return async (id, olds, news) => throughOthers().update(kind, id, olds, news);

    }
  }).apply(undefined, undefined).apply(this, arguments);
}

function __f7(__0, __1) {
  return (function() {
    with({ throughOthers: __f2, kind: "OlaNode", this: undefined, arguments: undefined }) {

return async (id, props) => throughOthers().remove(kind, id, props);

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
