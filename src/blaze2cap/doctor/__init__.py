"""What the pipeline stands on, looked at piece by piece: `blaze2cap doctor`."""
