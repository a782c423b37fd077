"""The commands of `flowledger`, a file each; `cli.main` is their table of contents."""
