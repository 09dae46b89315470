/**
 * What the closures in the state of every resource call: the installed package, never code that was stored.
 *
 * The names here are kept for ever; an old state calls them too.
 */
export { type CheckResult, check, create, diff, type Properties, read, remove, update } from "./resources/lifecycle";
