// `cert-renew all` on a node, killed by SIGKILL at a moment that the node itself shows. strace lets it wait before each
// rename, so that the moment is long enough to be seen; nothing of the product knows of it.
import type { Bed } from './bed.ts';

const tool = '/var/lib/cluster-cert-rotator/bin/cert-renew';
const log = '/root/killed-run.log';

export interface Moment {
  readonly name: string;
  /** A test of bash in the node: it succeeds from that moment on. `$before` is the inode of `watched` at the start, `$beforeUs` the time. */
  readonly seen: string;
}

const inodeOf = (path: string) => `$(stat -c %i ${path})`;
const watched = '/etc/kubernetes/pki/apiserver.crt';

export const beforeTheFirstRename: Moment = {
  name: 'before the first rename',
  seen: 'compgen -G "/etc/kubernetes/pki/etcd/.*.crt.ccr-*"',
};
export const betweenTwoRenames: Moment = {
  name: 'between two renames',
  seen: `[ ${inodeOf(watched)} != $before ]`,
};
/**
 * A kubelet runs that is younger than the last file, and what it is to start is still to be proved. Who started it does not
 * matter: a kubelet in its loop of restarts is often started by systemd before the run comes to it.
 */
export const betweenRestartAndProof: Moment = {
  name: 'between restart and proof',
  seen: `
    started=$(systemctl show --timestamp=us -P ExecMainStartTimestamp kubelet) && started=$(date -d "$started" +%s%6N) &&
    swapped=$(stat -c %.6Z /var/lib/kubelet/pki/kubelet-client-current.pem) && swapped=\${swapped/./} &&
    [ $(systemctl show -P MainPID kubelet) != 0 ] && [ $swapped -gt $beforeUs ] && [ $started -gt $swapped ]`,
};

/** Errors: the run ended before the moment was seen. */
export async function killAllAt(bed: Bed, node: string, { name, seen }: Moment): Promise<void> {
  const script = `
    rm -f ${log}; before=${inodeOf(watched)}; beforeUs=$(date +%s%6N)
    ${slowed} ${tool} all > /root/killed-run.out 2>&1 & tracer=$!
    until { ${seen}; } > /dev/null 2>&1; do
      kill -0 $tracer 2> /dev/null || { echo "it ended first"; cat /root/killed-run.out; exit 1; }
      sleep 0.02
    done
    kill -9 $(sed -n '1s/ .*//p' ${log})
    wait $tracer || true`;
  const { code, stdout } = await bed.tryExec(node, ['bash', '-c', script]);
  if (code !== 0) throw new Error(`${node}: to be killed ${name}: ${stdout}`);
}

const slowed =
  `strace -f -q -o ${log} -e signal=none -e trace=execve,rename,renameat,renameat2 ` +
  '-e inject=rename,renameat,renameat2:delay_enter=600000';

export interface KilledRun {
  /** Its exit code when it was quicker than the kill. */
  readonly ended: number | undefined;
  /** State of the journal and of each stage, as the kill left them; empty: nothing was begun, or all was ended. */
  readonly journal: string;
}

/** Killed after so many seconds, whatever it does then. `force`: where nothing is due any more. */
export async function killAllAfter(
  bed: Bed,
  node: string,
  { seconds, force }: { readonly seconds: number; readonly force: boolean },
): Promise<KilledRun> {
  const script = `
    timeout --signal=KILL ${seconds.toFixed(2)} ${tool} all ${force ? '--force' : ''} > /root/killed-run.out 2>&1; code=$?
    for file in /var/lib/cluster-cert-rotator/journal/*.json; do
      [ ! -f "$file" ] || grep -ohE '"(name|state)": "[a-z-]+"' "$file" | sed 's/.*: //' | tr -d '"' | tr '\\n' ' '
    done
    exit $code`;
  const { code, stdout } = await bed.tryExec(node, ['bash', '-c', script]);
  return { ended: code === 137 ? undefined : code, journal: stdout.trim() };
}

/** Undisturbed. Errors: it ended with another code than one of these. */
export async function runAll(bed: Bed, node: string, exits: readonly number[]): Promise<string> {
  const { code, stdout, stderr } = await bed.tryExec(node, [tool, 'all']);
  if (exits.includes(code)) return stdout;
  throw new Error(`${node}: cert-renew all ended with ${code}: ${stdout}${stderr}`);
}
