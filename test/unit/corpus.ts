// Inputs that once found something, by the name of the reader in parsers.ts. They stay for good.

export const corpus: Readonly<Record<string, readonly [string, ...string[]]>> = {
  // A lenient YAML reader: its own error for an alias without an anchor, a line on standard error for a key that is a list.
  'kubeadm’s ClusterConfiguration': [
    '*a',
    'controlPlaneEndpoint: *a',
    'apiServer: {? [x] : y}',
    '? {a: b}\n: c\n',
  ],
  // The same line, past the log.
  'the controller’s configuration': ['? [x]\n: y\n', '? {a: b}\n: c\n'],
};
