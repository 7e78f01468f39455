import { readFileSync } from 'node:fs'

const ticksPerSecond = 100

/** Seconds of CPU that a process has used since it began. */
function cpuSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The second field, the program's name, may hold blanks and brackets.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

/** Seconds of CPU that the whole machine has used, without those stolen or idle. */
function machineSeconds(): number {
  const line = /^cpu +(.+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? ''
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.split(' ').map(Number)
  return (user + nice + system + irq + softirq) / ticksPerSecond
}

export interface CpuUse {
  seconds: number
  /** Seconds of CPU by the name of the process. */
  used: Record<string, number>
  /** Cores that processes used which are not part of the measurement, on average. */
  others: number
}

/** Begins to count; the function that it returns tells what was used since. */
export function watchCpu(pids: Record<string, number>): () => CpuUse {
  const names = Object.keys(pids)
  const read = () => Object.fromEntries(names.map((name) => [name, cpuSeconds(pids[name] ?? 0)]))
  const startedAt = performance.now()
  const [machineBefore, before, selfBefore] = [machineSeconds(), read(), process.cpuUsage()]
  return () => {
    const seconds = (performance.now() - startedAt) / 1000
    const now = read()
    const self = process.cpuUsage(selfBefore)
    const used = Object.fromEntries(names.map((name) => [name, (now[name] ?? 0) - (before[name] ?? 0)]))
    const ours = Object.values(used).reduce((sum, one) => sum + one, (self.user + self.system) / 1e6)
    return { seconds, used, others: Math.max(0, (machineSeconds() - machineBefore - ours) / seconds) }
  }
}
