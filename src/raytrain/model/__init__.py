"""The bi-encoder: backbone, tokenizer, embedding, export."""
