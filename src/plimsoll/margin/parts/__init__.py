"""What the rules of several venues share: tiers, futures by tiers, pools, orders."""
