// 中文：控制器与节点代理自己的话。左边是它们写入对象的英文，一字不差，{…} 处是名称与数值；右边是同样的内容。

export const zhOwn: Readonly<Record<string, string>> = {
  // 关卡（policy/gates.ts）
  'node {node} is not there any more, or another one is under its name':
    '节点 {node} 已不存在，或同名的是另一个节点',
  'mode is observe: nothing is touched': '模式为 observe：不改动任何东西',
  'paused in the configuration': '已在配置中暂停',
  'node {node} is paused by its annotation': '节点 {node} 已由其注解暂停',
  'mode is manual: approve it with annotation certrotator.cpaas.io/approved="true"':
    '模式为 manual：用注解 certrotator.cpaas.io/approved="true" 批准',
  'the vault has no CA {ca} yet': '保险库中还没有 CA {ca}',
  'the clock of {node} was never measured': '{node} 的时钟从未测量',
  'the clock of {node} is {skew} s off, more than {limit} s': '{node} 的时钟相差 {skew} 秒，超过 {limit} 秒',
  'control plane {node} is being rotated': '控制平面节点 {node} 正在轮换',
  'Pod {pod} of a rotation that has ended is still on control plane {node}: {why}':
    '已结束的轮换的 Pod {pod} 仍在控制平面节点 {node} 上：{why}',
  'should that machine be off for good, delete its Node': '如果该机器不再启用，请删除其 Node',
  'the only API server restarts with it, and {node} needs it until its rotation has ended':
    '唯一的 API server 会随它重启，而 {node} 在轮换结束之前需要它',
  'the only API server restarts with the rotation of {node}': '唯一的 API server 会随 {node} 的轮换重启',
  '{node}, the only control plane, goes first': '唯一的控制平面节点 {node} 先行',
  'cert-renew is being laid down on {node}: without it pairs would keep their key':
    'cert-renew 正在放置到 {node}：没有它，证书会保留原密钥',
  'cert-renew is being laid down on {node}, so that its boot could recover it':
    'cert-renew 正在放置到 {node}，以便开机时恢复',
  'the health of etcd is not known': 'etcd 的健康状况未知',
  'a member of etcd is not well ({why})': '有 etcd 成员不正常（{why}）',
  'etcd would have {healthy} of {members} members, {quorum} are needed ({why})':
    'etcd 的 {members} 个成员将只剩 {healthy} 个，需要 {quorum} 个（{why}）',
  'the health of the API servers is not known': '各 API server 的健康状况未知',
  'the API server of {node} is not ready: {why}': '{node} 的 API server 未就绪：{why}',
  'node {node} is not Ready': '节点 {node} 未就绪',
  'control plane {node} is not Ready': '控制平面节点 {node} 未就绪',
  '{count} other nodes are not Ready, more than {allowed}': '另有 {count} 个节点未就绪，超过 {allowed} 个',
  'node {node} reports {pressure}': '节点 {node} 报告 {pressure}',
  'control planes run different versions ({versions})': '控制平面节点的版本不一致（{versions}）',
  'node {node} was rotated by hand within the last hour': '节点 {node} 在一小时内已人工轮换过',
  '{count} workers are being rotated, as many as allowed': '{count} 个工作节点正在轮换，已达上限',
  '{nodes} ended less than {seconds} s ago': '{nodes} 结束不到 {seconds} 秒',
  // 关卡的事实（controller/decide、controller/vault、controller/health.ts）
  '{node} goes first and must have been well for {seconds} s': '{node} 先行，须保持正常 {seconds} 秒',
  'the next maintenance window opens {at}': '下一个维护窗口在 {at} 打开',
  'no maintenance window comes any more': '不再有维护窗口',
  '{rotation} ended {phase} ({reason}); after {at} one at a time is tried':
    '{rotation} 以 {phase}（{reason}）结束；{at} 之后逐个尝试',
  'others go first ({why})': '其他节点先行（{why}）',
  'at most {workers} workers or 1 control plane at a time, {seconds} s of rest after each':
    '同时最多 {workers} 个工作节点或 1 个控制平面节点，每次之后间隔 {seconds} 秒',
  'the clocks of controller and API server differ by more than {seconds} s':
    '控制器与 API server 的时钟相差超过 {seconds} 秒',
  'CA {ca} has not been captured yet': 'CA {ca} 还没有保存',
  'CA {ca} is external: {why}': 'CA {ca} 在集群之外：{why}',
  'its key is on no control plane': '没有控制平面节点有它的私钥',
  'its key is on no node': '没有节点有它的私钥',
  'what the cluster trusts as CA {ca} cannot be read now': '现在无法读取集群所信任的 CA {ca}',
  'its static Pod etcd is not there': '它的静态 Pod etcd 不存在',
  'its static Pod etcd is not Ready': '它的静态 Pod etcd 未就绪',
  'its static Pod etcd is not Ready ({reason})': '它的静态 Pod etcd 未就绪（{reason}）',
  // 轮换的结果（controller/decide）
  'all gates are open': '所有关卡都已打开',
  'the Pod on the node is at work': '节点上的 Pod 正在工作',
  'asked for by a person, waits for its turn': '由人工发起，等待轮到它',
  'renewed and proved: {ids}': '已轮换并验证：{ids}',
  'the kubelet had renewed by itself: {ids}': 'kubelet 已自行轮换：{ids}',
  'the agent has proved it, but seen from the controller: {why}': '节点代理已验证，但从控制器看：{why}',
  'we signed no new certificate that it has for {ids}': '它的新证书 {ids} 不是由我们签发的',
  'the API server of {node} shows serial {serial}, not {wanted}':
    '{node} 的 API server 出示的序列号是 {serial}，而不是 {wanted}',
  'the kubelet of {node} shows serial {serial}, not {wanted}':
    '{node} 的 kubelet 出示的序列号是 {serial}，而不是 {wanted}',
  'the API server of {node} does not answer, not {wanted}': '{node} 的 API server 没有响应，应为 {wanted}',
  'the kubelet of {node} does not answer, not {wanted}': '{node} 的 kubelet 没有响应，应为 {wanted}',
  'the health of the cluster is not known': '集群的健康状况未知',
  '{node} is not well: {why}': '{node} 不正常：{why}',
  'the kubelet of {node} does not start Pods; {advice}': '{node} 的 kubelet 不启动 Pod；{advice}',
  'the kubelet of {node} does not start Pods ({why}); {advice}':
    '{node} 的 kubelet 不启动 Pod（{why}）；{advice}',
  'no certificates were issued within {minutes} min, nothing was changed':
    '{minutes} 分钟内没有签发证书，没有改动任何东西',
  'no certificates were issued within {minutes} min, nothing was changed: {why}':
    '{minutes} 分钟内没有签发证书，没有改动任何东西：{why}',
  'it has not ended within {minutes} min; the next start of the tool resumes it: {advice}':
    '{minutes} 分钟内没有结束；工具下次启动时会继续：{advice}',
  'run on {node}: {command}': '在 {node} 上运行：{command}',
  'renew the certificates on {node} by hand with cert-renew': '请用 cert-renew 在 {node} 上手工轮换证书',
  'none of its certificates is on this node in a state that may be renewed':
    '其中的证书在此节点上都不存在或不能轮换',
  'nothing of it is due within the plan any more': '计划期内不再有需要轮换的证书',
  'other certificates are due now': '现在需要轮换的是另外的证书',
  'there is no node {node} with UID {uid}: it is gone or was replaced under its name':
    '没有 UID 为 {uid} 的节点 {node}：已不存在，或已被同名节点替换',
  '{rotation} is the rotation of this node': '此节点的轮换是 {rotation}',
  'due {due}, the first certificate ends {end}': '自 {due} 起应轮换，最早的证书于 {end} 到期',
  'due {due}, the first certificate ends {end}, attempt {count}':
    '自 {due} 起应轮换，最早的证书于 {end} 到期，第 {count} 次尝试',
  // 验证（rotation/prove.ts、rotation/prove-requests.ts）
  'handshake with {where} shows serial {serial}': '与 {where} 握手，出示序列号 {serial}',
  '{where} shows serial {serial}, not {wanted}': '{where} 出示的序列号是 {serial}，而不是 {wanted}',
  "{where} shows serial {serial}, but this node's CA did not sign that certificate":
    '{where} 出示序列号 {serial}，但该证书不是由本节点的 CA 签发的',
  '{program} was started at {at}': '{program} 于 {at} 启动',
  'no {program} was started since {at}': '{at} 以来没有启动过 {program}',
  'loopback certificate of {at}': '环回证书的起始时间为 {at}',
  'it has no loopback certificate of its own': '它没有自己的环回证书',
  'etcd answered /health to it': 'etcd 接受它访问 /health',
  'etcd answered /health with status {status}': 'etcd 对 /health 的响应为 {status}',
  '{where} answers {path} to it': '{where} 接受它访问 {path}',
  '{where} answers {path} with {status}': '{where} 对 {path} 的响应为 {status}',
  '{path} is well': '{path} 正常',
  'the file holds it': '文件中是它',
  'KubeletRotated: the kubelet had renewed it by itself': 'KubeletRotated：kubelet 已自行轮换',
  'the kubelet has renewed its client certificate by itself': 'kubelet 已自行轮换其客户端证书',
  // 读取节点的备注（agent/scan.ts、catalogue）
  'cert-renew is not laid down on this node': 'cert-renew 没有放置在此节点上',
  'another version of cert-renew is laid down on this node': '放置在此节点上的是另一个版本的 cert-renew',
  'kube-apiserver stops at once, since its --shutdown-delay-duration is 0: with each restart a request that a load balancer has just handed to it may fail (measured: 1 of 9,542); with 10s, behind one that checks /readyz, none did':
    'kube-apiserver 会立即停止，因为其 --shutdown-delay-duration 为 0：每次重启时，负载均衡刚转交的请求可能失败（实测：9,542 次中有 1 次）；设为 10s 且负载均衡检查 /readyz 时没有失败',
  'clients reach this API server by another address, maybe a load balancer; what that checks cannot be seen from here: unless it checks /readyz, and TCP alone is not enough, each restart fails the requests that it still hands on':
    '客户端通过另一个地址访问此 API server，可能是负载均衡；它检查什么在这里看不到：除非检查 /readyz（只检查 TCP 不够），否则每次重启时它仍转交的请求会失败',
  '{id} is not where it should be': '{id} 不在应有的位置',
  '{id} is the same file as {other}': '{id} 与 {other} 是同一个文件',
  '{path} cannot be read: {why}': '{path} 无法读取：{why}',
  '{path} lies outside the directories that are mounted': '{path} 位于未挂载的目录中',
  'add the directory where it really lies to extraHostPaths': '请将其实际所在目录加入 extraHostPaths',
  'not seen, so not renewed: {components}; {why}': '看不到，因此不会轮换：{components}；{why}',
  'no manifest of {component} lies in {directory}, though {left} on this node':
    '{directory} 中没有 {component} 的清单，但此节点上{left}',
  'the kubelet is told of no directory (staticPodPath) with a manifest of {component}, though {left} on this node':
    'kubelet 没有配置存放 {component} 清单的目录（staticPodPath），但此节点上{left}',
  '{path} lies': '有 {path}',
  '{path} and its key lie': '有 {path} 及其私钥',
  '{what}: put the manifest back, or move what lies here away where no {component} is to run in any way':
    '{what}：请放回清单；如果此处不再以任何方式运行 {component}，请移走这些文件',
  '{what}; that the kubelet looks there is only assumed, since its flags are not known: see in its command line where it does':
    '{what}；kubelet 使用该目录只是推测，因为其参数未知：请查看其命令行',
  '{path} does not exist': '{path} 不存在',
  '{path} holds no client certificate that can be renewed': '{path} 中没有可轮换的客户端证书',
  '{path}: none of its containers is named {component} or runs it by that name; kubeadm’s places are assumed':
    '{path}：其中没有名为 {component} 或以该名称运行它的容器；按 kubeadm 的默认位置处理',
  '{path} and {other} both hold a {component}; remove the one that is not meant':
    '{path} 和 {other} 中都有 {component}；请删除多余的一份',
  'the kubelet’s {why}; kubeadm’s defaults are assumed': 'kubelet 的 {why}；按 kubeadm 的默认值处理',
  'put it back ({command} restore)': '请放回（{command} restore）',
  'put it back ({command} restore), or {how}: {phase}': '请放回（{command} restore），或者{how}：{phase}',
  'make it anew': '重新生成',
  'move it away and make it anew': '移走后重新生成',
  '{component} has no manifest here, and {unit} is enabled: {path} is not managed, and renewed by whoever runs it so':
    '{component} 在此没有清单，但 {unit} 已启用：{path} 不受管理，由运行它的一方轮换',
  'systemd unit was not found': 'systemd 单元没有找到',
  'systemd unit names none of its flags': 'systemd 单元没有写明其参数',
  '{path}: the certificates of users {users} are not managed': '{path}：用户 {users} 的证书不受管理',
  'not on this node, left out: {paths}': '此节点上没有，已略过：{paths}',
};
