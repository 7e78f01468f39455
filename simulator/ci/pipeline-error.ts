/** A configuration that GitLab would refuse; the message is what the person gets to read. */
export class PipelineError extends Error {
  override name = 'PipelineError'
}
