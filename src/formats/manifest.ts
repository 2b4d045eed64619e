// Static Pod manifests: what they say, and the one edit that restarts them.
export { annotate } from './manifest-annotate.ts';
export { flagsOf, hostPathOf, readManifest, type Manifest, type ManifestContainer } from './manifest-read.ts';
