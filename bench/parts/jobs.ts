import type { World } from './world.js'

/** The request line and headers of a job's report, up to its length; one for each of `pipelines` × `jobs` jobs, each
 * pipeline the first of a merge request of its own. */
export async function createJobs(
  { simulator, service, createProject, maintainer }: World,
  { pipelines, jobs }: { pipelines: number; jobs: number },
): Promise<string[]> {
  const project = await createProject('research/bench')
  const heads: string[] = []
  for (let number = 1; number <= pipelines; number += 1) {
    const branch = `try-${number}`
    const push = { projectId: project.id, userId: maintainer.id, branch, startBranch: 'main' }
    await simulator.pushFiles({ ...push, files: { [`${branch}.txt`]: branch } })
    const mr = await simulator.createMergeRequest({
      projectId: project.id,
      sourceBranch: branch,
      targetBranch: 'main',
      title: branch,
      userId: maintainer.id,
    })
    await simulator.settled()
    const names = Array.from({ length: jobs }, (_, index) => ({ name: `train ${index + 1}` }))
    const pipeline = simulator.createPipeline({ projectId: project.id, mrIid: mr.iid, jobs: names })
    for (const job of pipeline.jobs) {
      simulator.setJobStatus(job.id, 'running')
      heads.push(headOf(service, simulator.idToken({ jobId: job.id, aud: service.url })))
    }
  }
  return heads
}

function headOf({ port }: World['service'], token: string): string {
  const lines = [
    'POST /api/v1/reports HTTP/1.1',
    `Host: 127.0.0.1:${port}`,
    `Authorization: Bearer ${token}`,
    'Content-Type: application/json',
    '',
  ]
  return lines.join('\r\n')
}
