"""Teaching the encoder the shop: pairs from what customers did, a contrastive loss, fewer layers by distillation."""
