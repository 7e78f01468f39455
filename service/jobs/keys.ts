/** Keys of the queue: one row each, however often the work is asked for. */
export const jobKey = {
  /** Finds out what a pipeline is for, follows it to its end. */
  pipeline: (projectId: string, pipelineId: number) => `pipeline:${projectId}:${pipelineId}`,
  /** Brings the note of a merge request up to date. */
  note: (projectId: string, mrIid: number) => `note:${projectId}:${mrIid}`,
  /** Looks once more for a note whose creation had an unknown outcome. */
  noteCheck: (projectId: string, mrIid: number) => `note-check:${projectId}:${mrIid}`,
  /** Takes a deleted model out of the note of a merge request, also of a closed one. */
  cleanNote: (projectId: string, mrIid: number) => `clean-note:${projectId}:${mrIid}`,
  /** Registers the webhook of a project that was connected. */
  hook: (projectId: string) => `hook:${projectId}`,
  /** Has GitLab give a project's own bot another token. */
  renewBot: (projectId: string) => `renew-bot:${projectId}`,
  /** Deletes what a hidden project has. */
  deleteProject: (projectId: string) => `delete-project:${projectId}`,
  /** Takes the name of a person who deleted their data off the models they reported. */
  deletePerson: (gitlabUserId: number) => `delete-person:person:${gitlabUserId}`,
  /** Looks after the webhook of a project. */
  hookHealth: (projectId: string) => `hook-health:${projectId}`,
  /** Asks what became of a project. */
  askProject: (projectId: string) => `ask-project:${projectId}`,
  /** Asks which merge requests of a project changed. */
  poll: (projectId: string) => `poll:${projectId}`,
  /** Packs models of a project into column blocks. */
  seal: (projectId: string) => `seal:${projectId}`,
  /** Encrypts with the first key what was encrypted with a later one. */
  reseal: () => 'reseal:all',
  /** Finds notes and pipelines that everything else forgot. */
  reconcile: () => 'reconcile:all',
}

/** The parts of a key after its type. */
export function parseKey(key: string): { projectId: string; number: number } {
  const [, projectId = '', number = ''] = key.split(':')
  return { projectId, number: Number(number) }
}
