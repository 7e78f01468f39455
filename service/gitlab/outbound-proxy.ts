import { EnvHttpProxyAgent, install, setGlobalDispatcher } from 'undici'

const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy']

/**
 * Sends all that this process asks of other hosts through the proxy that `HTTPS_PROXY` or `HTTP_PROXY` names, except
 * hosts in `NO_PROXY`. Node's own fetch reads none of them before Node 24.
 */
export function useOutboundProxy(env: NodeJS.ProcessEnv): void {
  if (!names.some((name) => (env[name] ?? '') !== '')) return
  install()
  setGlobalDispatcher(new EnvHttpProxyAgent())
}
