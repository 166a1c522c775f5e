"""Which files BlazePose's two networks are; `pretrained/fetch.py` fetches these, and no others are run."""

NETWORKS = {"detector": "pose_detection.tflite", "landmarker": "pose_landmark_full.tflite"}  # role -> file

SHA256 = {
    "pose_detection.tflite": "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
    "pose_landmark_full.tflite": "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
}
